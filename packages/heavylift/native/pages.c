/* Opens the code of large libraries page by page, when it is executed.

   A library's executable segments have no flags in its file, so that ld.so maps them without any permission. Whatever executes or
   reads such a page causes SIGSEGV. The handler here finds the library and the page, waits until the page has arrived in the
   file, gives it its permissions, and returns: the instruction is executed again. Other faults go to the handler that was there
   before. The mappings are private and never written, so what is written to a file is seen through them at once.

   The plan is memory that the processes of a function share: its own, those that it forks, and the one that brings the pages.
   heavylift.runtime.pages makes it, and is the only caller of the functions that are visible.

   A page's state only ever goes forward, and permissions are only ever added. So nothing here takes a lock: a handler may
   interrupt itself, run in every thread at once, and in a child forked at any moment. Everything that a handler calls is
   async-signal-safe (signal-safety(7)), or a plain system call; it needs less than 1 KB of a stack. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define MAPPINGS 256      /* remembered; of more than these, each fault looks the library up again */
#define REPEATS 64        /* faults of a thread at one address, one after the other, until a page that is open is not the reason */
#define PATIENCE 1000     /* milliseconds between two looks at whether the process that brings pages is still there */
#define VISIBLE __attribute__((visibility("default")))
/* Not allocated when first used, as a library's thread-local variables are otherwise: a handler must not allocate. */
#define OF_THREAD static __thread __attribute__((tls_model("initial-exec")))

enum state { ABSENT, ASKED, FAILED, PRESENT, TOUCHED }; /* of a page, one byte each */

struct segment {
    uint64_t path;   /* FNV-1a of the library's real path */
    uint64_t name;   /* the path itself: bytes from the start of the plan; ends with 0 */
    uint64_t offset; /* of its first page: bytes from the start of the file */
    uint64_t pages;
    uint64_t first;  /* of its pages in `states` */
    uint64_t access; /* PROT_READ | PROT_EXEC, or one of them */
};

struct plan {
    uint64_t segments;
    uint64_t states;    /* bytes from the start of the plan */
    uint64_t recording; /* not 0: a fault opens one page, and marks it as touched */
    uint64_t present_faults, absent_faults, waited; /* counts; nanoseconds */
    uint32_t arrivals, unused; /* counts what makes waiting threads look again, which sleep on it (futex(2)) */
    char reason[512];   /* why pages failed; ends with 0 */
    struct segment segment[];
};

struct mapping {
    uintptr_t start; /* of the segment's first page in memory; 0: not yet filled */
    const struct segment *segment;
};

static struct plan *plan;
static uint8_t *states;
static int channel = -1; /* a socket; a message is the number of a page that is asked for */
static struct mapping mappings[MAPPINGS];
static unsigned mapped; /* places taken in `mappings` */
static int active;      /* faults are looked at */
static int doomed;      /* a page failed and the process is to end */
static struct sigaction below, above; /* handlers from before ours, and from after it; `above` counts if `covered` */
static int covered;
OF_THREAD int passing;          /* inside a handler that a fault was passed on to */
OF_THREAD int raised;           /* the last signal was one that this process sent itself */
OF_THREAD uintptr_t last_fault; /* address */
OF_THREAD unsigned repeated;

/* ---- /proc/self/maps, read a character at a time: a line may be longer than a stack has room for ---- */

struct reader {
    int file;
    size_t at, held;
    char buffer[256];
};

struct area {
    uintptr_t low, high;
    uint64_t offset, path; /* path: FNV-1a */
    char access[4];        /* r-xp */
};

static int next_char(struct reader *reader) {
    if (reader->at == reader->held) {
        ssize_t count;
        do
            count = read(reader->file, reader->buffer, sizeof reader->buffer);
        while (count < 0 && errno == EINTR);
        if (count <= 0)
            return -1;
        reader->at = 0;
        reader->held = (size_t)count;
    }
    return (unsigned char)reader->buffer[reader->at++];
}

/* Reads a hexadecimal number and the character behind it. */
static uint64_t next_number(struct reader *reader) {
    uint64_t value = 0;
    for (;;) {
        int c = next_char(reader);
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        else
            return value;
    }
}

/* Reads a line (proc(5)): LOW-HIGH ACCESS OFFSET DEVICE INODE PATH. Returns 0 at the end. */
static int next_area(struct reader *reader, struct area *area) {
    int c, spaces = 0;
    area->low = next_number(reader);
    area->high = next_number(reader);
    for (size_t i = 0; i < sizeof area->access; i++)
        area->access[i] = (char)next_char(reader);
    next_char(reader);
    area->offset = next_number(reader);
    while ((c = next_char(reader)) >= 0 && c != '\n')
        if (c == ' ')
            spaces++;
        else if (spaces >= 2)
            break;
    area->path = 0xcbf29ce484222325u;
    for (; c >= 0 && c != '\n'; c = next_char(reader))
        area->path = (area->path ^ (uint64_t)c) * 0x100000001b3u;
    return c == '\n';
}

static int open_maps(struct reader *reader) {
    reader->at = reader->held = 0;
    reader->file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    return reader->file >= 0;
}

/* Returns the part of an area that maps code of a segment: from `low` up to `high`, in bytes of the file. Empty: low >= high. An
   area may be a part of a segment's mapping, or hold several with what lies between them: the kernel joins what is alike. */
static int is_of(const struct area *area, const struct segment *segment, uint64_t *low, uint64_t *high) {
    uint64_t end = area->offset + (area->high - area->low), last = segment->offset + segment->pages * PAGE;
    *low = area->offset > segment->offset ? area->offset : segment->offset;
    *high = end < last ? end : last;
    if (area->access[1] == 'w' || (area->access[0] == 'r' && area->access[2] != 'x'))
        return 0; /* a neighbour of code in the file may share a page with it */
    return area->path == segment->path && *low < *high;
}

/* Returns the segment whose code an address in an area is, and where in the file it is; NULL: none. */
static const struct segment *segment_of(const struct area *area, uintptr_t address, uint64_t *place) {
    uint64_t low, high;
    *place = area->offset + (address - area->low);
    for (uint64_t i = 0; i < plan->segments; i++)
        if (is_of(area, &plan->segment[i], &low, &high) && *place >= low && *place < high)
            return &plan->segment[i];
    return NULL;
}

/* ---- pages ---- */

static uint8_t state_of(uint64_t page) {
    return __atomic_load_n(&states[page], __ATOMIC_ACQUIRE);
}

static int allow(const struct mapping *mapping, uint64_t low, uint64_t high) {
    void *start = (void *)(mapping->start + low * PAGE);
    return mprotect(start, (high - low) * PAGE, (int)mapping->segment->access) == 0;
}

/* Opens every page of a segment that is there: one fault, not one for each run of pages. What fails here is met again. */
static void allow_present(const struct mapping *mapping) {
    const struct segment *segment = mapping->segment;
    for (uint64_t low = 0, high; low < segment->pages; low = high + 1) {
        for (high = low; high < segment->pages && state_of(segment->first + high) >= PRESENT; high++)
            ;
        if (high > low)
            allow(mapping, low, high);
    }
}

static int contains(const struct mapping *mapping, uintptr_t address) {
    return mapping->start && address >= mapping->start && address - mapping->start < mapping->segment->pages * PAGE;
}

static int find_mapping(uintptr_t address, struct mapping *found) {
    unsigned count = __atomic_load_n(&mapped, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < count && i < MAPPINGS; i++) {
        found->start = __atomic_load_n(&mappings[i].start, __ATOMIC_ACQUIRE);
        found->segment = mappings[i].segment;
        if (contains(found, address))
            return 1;
    }
    return 0;
}

static void remember(const struct mapping *mapping) {
    unsigned place = __atomic_load_n(&mapped, __ATOMIC_RELAXED);
    while (place < MAPPINGS && !__atomic_compare_exchange_n(&mapped, &place, place + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        ;
    if (place < MAPPINGS) { /* twice, where two threads found it at once */
        mappings[place].segment = mapping->segment;
        __atomic_store_n(&mappings[place].start, mapping->start, __ATOMIC_RELEASE);
    }
}

/* Looks a mapping up in the kernel's list. */
static int look_up(uintptr_t address, struct mapping *found) {
    struct reader reader;
    struct area area;
    uint64_t place;
    found->segment = NULL;
    if (!open_maps(&reader))
        return 0;
    while (next_area(&reader, &area))
        if (address >= area.low && address < area.high) {
            if ((found->segment = segment_of(&area, address, &place)))
                found->start = address - (place - found->segment->offset);
            break;
        }
    close(reader.file);
    return found->segment != NULL;
}

/* Says why the process ends, on standard error, in one line. */
static void tell(const struct segment *segment, uint64_t page, const char *reason) {
    const char *words[] = {"heavylift: ", (const char *)plan + segment->name, ": the code at byte ", NULL,
                           " of the file was executed and cannot be brought: ", reason,
                           "; the process ends. Record this request, so that a start brings what it needs\n"};
    char digits[24], *digit = digits + sizeof digits - 1;
    uint64_t value = segment->offset + (page - segment->first) * PAGE;
    *digit = 0;
    do
        *--digit = (char)('0' + value % 10);
    while (value /= 10);
    words[3] = digit;
    struct iovec parts[sizeof words / sizeof *words];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        parts[i] = (struct iovec){(void *)words[i], strlen(words[i])};
    if (writev(STDERR_FILENO, parts, sizeof words / sizeof *words) < 0)
        return; /* there is nobody to tell */
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Returns whether the process that brings pages is there. It never sends anything on the channel. */
static int is_served(void) {
    char byte;
    return recv(channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Waits until a page has arrived. Returns 0 if it never will. */
static int await(const struct segment *segment, uint64_t page) {
    const struct timespec patience = {PATIENCE / 1000, PATIENCE % 1000 * 1000000};
    uint64_t begin = now();
    uint32_t number = (uint32_t)page;
    int served = 1;
    for (int again = 0;; again = 1) {
        uint32_t seen = __atomic_load_n(&plan->arrivals, __ATOMIC_ACQUIRE);
        uint8_t state = state_of(page);
        if (state >= PRESENT)
            break;
        if (state == FAILED || !served) {
            tell(segment, page, state == FAILED ? plan->reason : "the loader's process has ended");
            return 0;
        }
        uint8_t absent = ABSENT;
        int first = __atomic_compare_exchange_n(&states[page], &absent, ASKED, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        if (first || again) /* again: whoever asked first may have been killed before it did */
            served = send(channel, &number, sizeof number, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EAGAIN;
        if (served) {
            /* Returns at once if something arrived since `seen`. Shared by processes, so not FUTEX_PRIVATE. */
            syscall(SYS_futex, &plan->arrivals, FUTEX_WAIT, seen, &patience, NULL, 0);
            served = is_served();
        } /* and then the state once more: it may have brought the page before it ended */
    }
    __atomic_add_fetch(&plan->absent_faults, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&plan->waited, now() - begin, __ATOMIC_RELAXED);
    return 1;
}

/* Opens the run of present pages around one. */
static int allow_around(const struct mapping *mapping, uint64_t page) {
    const struct segment *segment = mapping->segment;
    uint64_t low = page, high = page + 1;
    if (plan->recording) {
        __atomic_store_n(&states[segment->first + page], TOUCHED, __ATOMIC_RELEASE);
        return allow(mapping, low, high);
    }
    while (low > 0 && state_of(segment->first + low - 1) >= PRESENT)
        low--;
    while (high < segment->pages && state_of(segment->first + high) >= PRESENT)
        high++;
    if (allow(mapping, low, high))
        return 1;
    /* The process has as many mappings as it may (vm.max_map_count). The whole segment is a single one. */
    for (uint64_t each = 0; each < segment->pages; each++)
        if (state_of(segment->first + each) < PRESENT && !await(segment, segment->first + each))
            return 0;
    return allow(mapping, 0, segment->pages);
}

/* Makes the page at an address usable. Returns 0 if it is none of ours, or will never come. */
static int serve(uintptr_t address) {
    struct mapping mapping;
    if (!find_mapping(address, &mapping)) {
        if (!look_up(address, &mapping))
            return 0;
        remember(&mapping);
        if (!plan->recording)
            allow_present(&mapping);
    }
    uint64_t page = (address - mapping.start) / PAGE;
    if (state_of(mapping.segment->first + page) >= PRESENT)
        __atomic_add_fetch(&plan->present_faults, 1, __ATOMIC_RELAXED);
    else if (!await(mapping.segment, mapping.segment->first + page)) {
        doomed = 1;
        return 0;
    }
    return allow_around(&mapping, page);
}

/* ---- the signal ---- */

static void die(int signal, const siginfo_t *info) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(signal, &action, NULL);
    if (info->si_code <= 0) /* sent by a process: it does not come again by itself, as a fault does */
        raise(signal);
}

static void pass_on(int signal, siginfo_t *info, void *context) {
    const struct sigaction *next = covered && !passing ? &above : &below;
    if (next->sa_handler == SIG_IGN && info->si_code <= 0)
        return;
    if (next->sa_handler == SIG_DFL || next->sa_handler == SIG_IGN) {
        die(signal, info);
        return;
    }
    passing++;
    if (next->sa_flags & SA_SIGINFO)
        next->sa_sigaction(signal, info, context);
    else
        next->sa_handler(signal);
    passing--;
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    int error = errno;
    uintptr_t address = (uintptr_t)info->si_addr;
    int was_doomed = doomed;
    if (info->si_code <= 0) {
        /* A handler that was put above ours may pass a fault on by raising the signal again (Python's faulthandler does): then
           returning leads back to the faulting instruction, and the fault comes here itself. Twice in a row it is meant. */
        raised = active && !passing && !raised && info->si_pid == getpid();
        if (!raised)
            pass_on(signal, info, context);
    } else {
        raised = 0;
        repeated = address == last_fault ? repeated + 1 : 0;
        last_fault = address;
        if (was_doomed && find_mapping(address, &(struct mapping){0, NULL}))
            die(signal, info); /* whoever it was passed on to has returned */
        else if (!active || repeated > REPEATS || !serve(address))
            pass_on(signal, info, context);
    }
    errno = error;
}

static int is_ours(const struct sigaction *action) {
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == on_fault;
}

static int put_in(struct sigaction *before) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART; /* NODEFER: a handler of others may fault, too */
    sigemptyset(&action.sa_mask);
    return sigaction(SIGSEGV, &action, before) ? errno : 0;
}

/* ---- for heavylift.runtime.pages; those that return int return 0 or an errno ---- */

/* Tries whether this kernel lets a process open code that it mapped without permissions. `file` has a page at least. */
VISIBLE int pages_probe(int file) {
    struct reader reader;
    struct area area;
    int known = 0, error = 0;
    if (sysconf(_SC_PAGESIZE) != PAGE)
        return ENOTSUP;
    char *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE, file, 0);
    if (page == MAP_FAILED)
        return errno;
    if (open_maps(&reader)) {
        while (!known && next_area(&reader, &area))
            known = area.low == (uintptr_t)page && memcmp(area.access, "---p", 4) == 0;
        close(reader.file);
    }
    if (!known)
        error = ENOENT; /* no /proc, or another than Linux has */
    else if (mprotect(page, PAGE, PROT_READ | PROT_EXEC))
        error = errno;
    munmap(page, PAGE);
    return error;
}

/* Takes a plan, once in a process. `socket`: -1 where no page will ever be asked for. */
VISIBLE void pages_attach(struct plan *shared, int socket) {
    channel = socket;
    states = (uint8_t *)shared + shared->states;
    plan = shared;
}

/* Puts the handler in. */
VISIBLE int pages_install(void) {
    int error = put_in(&below);
    if (!error)
        __atomic_store_n(&active, 1, __ATOMIC_RELEASE);
    return error;
}

/* Puts the handler above one that was installed after it. Returns 1 if there was one, -1 if it cannot be put there. */
VISIBLE int pages_look_after(void) {
    struct sigaction found;
    if (sigaction(SIGSEGV, NULL, &found))
        return -1;
    if (is_ours(&found))
        return 0;
    above = found;
    covered = found.sa_handler != SIG_DFL;
    return put_in(NULL) ? -1 : 1;
}

/* Opens all that is mapped of all libraries; every page has arrived. Returns the mappings that stay closed. */
VISIBLE int pages_open_all(void) {
    struct reader reader;
    struct area area;
    uint64_t low, high;
    int closed = 0;
    if (!open_maps(&reader))
        return 1;
    while (next_area(&reader, &area))
        for (uint64_t i = 0; i < plan->segments; i++)
            if (area.access[2] != 'x' && is_of(&area, &plan->segment[i], &low, &high) &&
                mprotect((void *)(area.low + (low - area.offset)), high - low, (int)plan->segment[i].access))
                closed++;
    close(reader.file);
    return closed;
}

/* Takes the handler out, unless another was put above it meanwhile: then ours stays, and only passes on. */
VISIBLE void pages_remove(void) {
    struct sigaction found;
    __atomic_store_n(&active, 0, __ATOMIC_RELEASE);
    if (sigaction(SIGSEGV, NULL, &found) == 0 && is_ours(&found))
        sigaction(SIGSEGV, covered ? &above : &below, NULL);
    covered = 0;
}

static void wake(void) {
    __atomic_add_fetch(&plan->arrivals, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &plan->arrivals, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* Says that pages have arrived: they are in the file. */
VISIBLE void pages_arrived(uint64_t first, uint64_t count) {
    for (uint64_t page = first; page < first + count; page++)
        if (state_of(page) < PRESENT)
            __atomic_store_n(&states[page], PRESENT, __ATOMIC_RELEASE);
    wake();
}

/* Says that pages will never arrive. */
VISIBLE void pages_failed(uint64_t first, uint64_t count, const char *reason) {
    strncpy(plan->reason, reason, sizeof plan->reason - 1);
    for (uint64_t page = first; page < first + count; page++)
        if (state_of(page) < PRESENT)
            __atomic_store_n(&states[page], FAILED, __ATOMIC_RELEASE);
    wake();
}
