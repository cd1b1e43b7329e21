/* Opens the code of large libraries page by page, when it is executed, and what only the unwinder reads, when it does.

   A library's segments of these have no flags in its file, so that ld.so maps them without any permission. Whatever executes or
   reads such a page causes SIGSEGV. The handler here finds the library and the page, waits until the page has arrived in the
   file, gives it its permissions, and returns: the instruction is executed again. Other faults go to the handler that was there
   before. The mappings are private and never written, so what is written to a file is seen through them at once.

   The plan is memory that the processes of a function share: its own, those that it forks, and the one that brings the pages.
   heavylift.runtime.pages makes it, and is the only caller of the functions that are visible.

   A program that the function's code starts has no handler. So it must not load a library before that is whole: what Python starts
   waits (heavylift.runtime.gate), and what C code starts finds this library in LD_PRELOAD, and waits in its constructor.

   A page's state only ever goes forward, and permissions are only ever added. So nothing here takes a lock: a handler may
   interrupt itself, run in every thread at once, and in a child forked at any moment. Everything that a handler calls is
   async-signal-safe (signal-safety(7)) and no point where a thread is cancelled (pthreads(7)): what would be one is called by its
   number. It needs less than 1 KB of a stack. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define MAPPINGS 256      /* remembered; of more than these, each fault looks the library up again */
#define HEADER 120        /* bytes by which a library is known in memory: its ELF header, and the first of its program headers */
#define LEVELS 8          /* handlers of others that one process puts above ours, one after the other */
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
    uint64_t access; /* PROT_READ | PROT_EXEC, or one of them; without PROT_EXEC it holds tables */
    uint64_t below;  /* bytes in memory from the library's header to the first page; counts if `header` is known */
    uint64_t header; /* FNV-1a of the library's first bytes; 0: not yet looked up by any process */
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
    uintptr_t start; /* of the segment's first page in memory */
    struct segment *segment;
};

static struct plan *plan;
static uint8_t *states;
static int channel = -1;    /* a socket; a message is the number of a page that is asked for */
static ino_t channel_inode; /* tells whether the descriptor is still the socket's */
static uintptr_t mappings[MAPPINGS]; /* start | number of the segment: a start's last twelve bits are 0; 0: a free place */
static int active; /* faults are looked at */
static int doomed; /* a page failed and the process is to end */
/* Our handler has an entry for each time that it was put above another's. The entry tells what lies beneath: others remember it
   as the one that was there before them, and come back to it by a call, or by putting it back. */
static struct sigaction beneath[LEVELS];
static int top; /* the level that was put in last */
OF_THREAD int passing;          /* inside a handler that a fault was passed on to: the level + 1 that it was passed on from */
OF_THREAD int raised;           /* the last signal was one that this process sent itself */
OF_THREAD uintptr_t last_fault; /* address */
OF_THREAD unsigned repeated;

/* ---- what would be a point of cancellation, by its number ---- */

static int open_file(const char *path) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

static void close_file(int file) {
    syscall(SYS_close, file);
}

/* ---- /proc/self/maps, read a character at a time: a line may be longer than a stack has room for ---- */

struct reader {
    int file;
    size_t at, held;
    char buffer[256];
};

#define HASH_BEGIN 0xcbf29ce484222325u

/* Returns an FNV-1a hash with one byte more. */
static uint64_t hashed(uint64_t value, unsigned char byte) {
    return (value ^ byte) * 0x100000001b3u;
}

struct area {
    uintptr_t low, high;
    uint64_t offset, path; /* path: FNV-1a */
    char access[4];        /* r-xp */
};

static int next_char(struct reader *reader) {
    if (reader->at == reader->held) {
        long count;
        do
            count = syscall(SYS_read, reader->file, reader->buffer, sizeof reader->buffer);
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
    area->path = HASH_BEGIN;
    for (; c >= 0 && c != '\n'; c = next_char(reader))
        area->path = hashed(area->path, (unsigned char)c);
    return c == '\n';
}

static int open_maps(struct reader *reader) {
    reader->at = reader->held = 0;
    reader->file = open_file("/proc/self/maps");
    return reader->file >= 0;
}

/* Returns the part of an area that maps pages of a segment: from `low` up to `high`, in bytes of the file. Empty: low >= high. An
   area may be a part of a segment's mapping, or hold several with what lies between them: the kernel joins what is alike. */
static int is_of(const struct area *area, const struct segment *segment, uint64_t *low, uint64_t *high) {
    uint64_t end = area->offset + (area->high - area->low), last = segment->offset + segment->pages * PAGE;
    *low = area->offset > segment->offset ? area->offset : segment->offset;
    *high = end < last ? end : last;
    int closed = area->access[0] != 'r' && area->access[2] != 'x', executable = area->access[2] == 'x';
    if (area->access[1] == 'w' || (!closed && executable != ((segment->access & PROT_EXEC) != 0)))
        return 0; /* a neighbour in the file may share a page with it */
    return area->path == segment->path && *low < *high;
}

/* Returns the segment that an address in an area belongs to, and where in the file it is; NULL: none. */
static struct segment *segment_of(const struct area *area, uintptr_t address, uint64_t *place) {
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
    return address >= mapping->start && address - mapping->start < mapping->segment->pages * PAGE;
}

/* Returns the hash of what a library begins with in memory; 0: nothing can be read there. Unlike a load it cannot fault. */
static uint64_t header_at(uintptr_t address) {
    unsigned char header[HEADER];
    uint64_t value = HASH_BEGIN;
    int file = open_file("/proc/self/mem");
    if (file < 0)
        return 0;
    long count = syscall(SYS_pread64, file, header, sizeof header, address);
    close_file(file);
    if (count != sizeof header)
        return 0;
    for (size_t i = 0; i < sizeof header; i++)
        value = hashed(value, header[i]);
    return value;
}

/* Returns whether a remembered mapping is there: a library may have been unloaded, and something else taken its place. */
static int is_there(const struct mapping *mapping) {
    uint64_t below = __atomic_load_n(&mapping->segment->below, __ATOMIC_RELAXED);
    uint64_t header = __atomic_load_n(&mapping->segment->header, __ATOMIC_RELAXED);
    return header && header_at(mapping->start - below) == header;
}

static int recall(uintptr_t address, struct mapping *found) {
    for (unsigned i = 0; i < MAPPINGS; i++) {
        uintptr_t place = __atomic_load_n(&mappings[i], __ATOMIC_ACQUIRE);
        if (!place)
            continue;
        found->start = place & ~(uintptr_t)(PAGE - 1);
        found->segment = &plan->segment[place % PAGE];
        if (!contains(found, address))
            continue;
        if (is_there(found))
            return 1;
        __atomic_compare_exchange_n(&mappings[i], &place, 0, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
    return 0;
}

static void remember(const struct mapping *mapping) {
    uintptr_t number = (uintptr_t)(mapping->segment - plan->segment), place = mapping->start | number;
    if (number >= PAGE)
        return;
    for (unsigned i = 0; i < MAPPINGS; i++) {
        uintptr_t found = 0;
        if (__atomic_compare_exchange_n(&mappings[i], &found, place, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) || found == place)
            return;
    }
}

/* Looks a mapping up in the kernel's list. */
static int look_up(uintptr_t address, struct mapping *found) {
    struct reader reader;
    struct area area;
    uint64_t place, path = 0; /* of the last library whose first bytes were seen */
    uintptr_t header = 0;     /* where these are */
    found->segment = NULL;
    if (!open_maps(&reader))
        return 0;
    while (next_area(&reader, &area)) {
        if (area.offset == 0)
            header = area.low, path = area.path;
        if (address >= area.low && address < area.high) {
            if ((found->segment = segment_of(&area, address, &place)))
                found->start = address - (place - found->segment->offset);
            break;
        }
    }
    close_file(reader.file);
    if (!found->segment)
        return 0;
    if (path == found->segment->path) { /* the same in every process */
        __atomic_store_n(&found->segment->below, found->start - header, __ATOMIC_RELAXED);
        __atomic_store_n(&found->segment->header, header_at(header), __ATOMIC_RELAXED);
    }
    return 1;
}

/* Says why the process ends, on standard error, in one line. */
static void tell(const struct segment *segment, uint64_t page, const char *reason, const char *advice) {
    int executable = (segment->access & PROT_EXEC) != 0;
    const char *words[] = {"heavylift: ", (const char *)plan + segment->name,
                           executable ? ": the code at byte " : ": the table at byte ", NULL,
                           executable ? " of the file was executed" : " of the file was read", " and cannot be brought: ",
                           reason, "; the process ends. ", advice, "\n"};
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
    syscall(SYS_writev, STDERR_FILENO, parts, sizeof words / sizeof *words); /* if that fails, there is nobody to tell */
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Returns why no page can be asked for; NULL: the process that brings pages is there. It never sends anything on the channel. */
static const char *find_loss(void) {
    struct stat status;
    char byte;
    if (fstat(channel, &status) || status.st_ino != channel_inode)
        return "somebody has closed the descriptor by which the loader's process is asked";
    if (syscall(SYS_recvfrom, channel, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT, NULL, NULL) < 0 &&
        (errno == EAGAIN || errno == EINTR))
        return NULL;
    return "the loader's process has ended";
}

/* Waits until a page has arrived. Returns 0 if it never will. */
static int await(const struct segment *segment, uint64_t page) {
    const struct timespec patience = {PATIENCE / 1000, PATIENCE % 1000 * 1000000};
    uint64_t begin = now();
    uint32_t number = (uint32_t)page;
    const char *loss = NULL;
    for (int again = 0;; again = 1) {
        uint32_t seen = __atomic_load_n(&plan->arrivals, __ATOMIC_ACQUIRE);
        uint8_t state = state_of(page);
        if (state >= PRESENT)
            break;
        if (state == FAILED || loss) {
            tell(segment, page, state == FAILED ? plan->reason : loss,
                 "Record this request, so that a start brings what it needs");
            return 0;
        }
        uint8_t absent = ABSENT;
        int first = __atomic_compare_exchange_n(&states[page], &absent, ASKED, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        if ((loss = find_loss()))
            continue; /* the page may have come before the process ended */
        if (first || again) /* again: whoever asked first may have been killed before it did, or the socket was full */
            syscall(SYS_sendto, channel, &number, sizeof number, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0L);
        /* Returns at once if something arrived since `seen`. Shared by processes, so not FUTEX_PRIVATE. */
        syscall(SYS_futex, &plan->arrivals, FUTEX_WAIT, seen, &patience, NULL, 0L);
    }
    __atomic_add_fetch(&plan->absent_faults, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&plan->waited, now() - begin, __ATOMIC_RELAXED);
    return 1;
}

/* Opens the run of present pages around one. Returns 0 if that fails, and has said why. */
static int allow_around(const struct mapping *mapping, uint64_t page) {
    const struct segment *segment = mapping->segment;
    uint64_t low = page, high = page + 1;
    if (plan->recording)
        __atomic_store_n(&states[segment->first + page], TOUCHED, __ATOMIC_RELEASE);
    while (!plan->recording && low > 0 && state_of(segment->first + low - 1) >= PRESENT)
        low--;
    while (!plan->recording && high < segment->pages && state_of(segment->first + high) >= PRESENT)
        high++;
    if (allow(mapping, low, high))
        return 1;
    /* The process has as many mappings as it may (vm.max_map_count). The whole segment is a single one. */
    for (uint64_t each = 0; each < segment->pages; each++)
        if (state_of(segment->first + each) < PRESENT && !await(segment, segment->first + each))
            return 0;
    if (allow(mapping, 0, segment->pages))
        return 1;
    tell(segment, segment->first + page,
         errno == ENOMEM ? "the kernel has no memory for it (mprotect)" : "the kernel refuses to make it executable (mprotect)",
         "Set `LoadMode` to whole");
    return 0;
}

/* Makes the page at an address usable. Returns 0 if it is none of ours, or will never come. */
static int serve(uintptr_t address) {
    struct mapping mapping;
    if (!recall(address, &mapping)) {
        if (!look_up(address, &mapping))
            return 0;
        remember(&mapping);
        if (!plan->recording)
            allow_present(&mapping);
    }
    uint64_t page = (address - mapping.start) / PAGE;
    int present = state_of(mapping.segment->first + page) >= PRESENT;
    if (present)
        __atomic_add_fetch(&plan->present_faults, 1, __ATOMIC_RELAXED);
    if ((present || await(mapping.segment, mapping.segment->first + page)) && allow_around(&mapping, page))
        return 1;
    __atomic_store_n(&doomed, 1, __ATOMIC_RELEASE);
    return 0;
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

/* Hands a fault to the handler beneath a level, or beneath the one that hands on already: each hears of it once. */
static void pass_on(int level, int signal, siginfo_t *info, void *context) {
    int outer = passing;
    if (outer && level >= outer - 1)
        level = outer - 2;
    const struct sigaction *next = &beneath[level < 0 ? 0 : level];
    if (level >= 0 && next->sa_handler == SIG_IGN && info->si_code <= 0)
        return;
    if (level < 0 || next->sa_handler == SIG_DFL || next->sa_handler == SIG_IGN) {
        die(signal, info);
        return;
    }
    passing = level + 1;
    if (next->sa_flags & SA_SIGINFO)
        next->sa_sigaction(signal, info, context);
    else
        next->sa_handler(signal);
    passing = outer;
}

static void on_fault(int level, int signal, siginfo_t *info, void *context) {
    int error = errno;
    uintptr_t address = (uintptr_t)info->si_addr;
    int was_doomed = __atomic_load_n(&doomed, __ATOMIC_ACQUIRE), looking = __atomic_load_n(&active, __ATOMIC_ACQUIRE);
    if (info->si_code <= 0) {
        /* A handler that was put above ours may pass a fault on by raising the signal again (Python's faulthandler does): then
           returning leads back to the faulting instruction, and the fault comes here itself. Twice in a row it is meant. */
        raised = looking && !passing && !raised && info->si_pid == getpid();
        if (!raised)
            pass_on(level, signal, info, context);
    } else {
        raised = 0;
        repeated = address == last_fault ? repeated + 1 : 0;
        last_fault = address;
        if (was_doomed && recall(address, &(struct mapping){0, NULL}))
            die(signal, info); /* whoever it was passed on to has returned */
        else if (looking ? repeated > REPEATS || !serve(address) : repeated > 0)
            pass_on(level, signal, info, context); /* not looking: what was closed when it faulted may have been opened since */
    }
    errno = error;
}

#define ENTRY(level) \
    static void entry_##level(int signal, siginfo_t *info, void *context) { on_fault(level, signal, info, context); }
ENTRY(0) ENTRY(1) ENTRY(2) ENTRY(3) ENTRY(4) ENTRY(5) ENTRY(6) ENTRY(7)
static void (*const entries[LEVELS])(int, siginfo_t *, void *) = {entry_0, entry_1, entry_2, entry_3,
                                                                  entry_4, entry_5, entry_6, entry_7};

/* Returns the level of a handler; -1: it is none of ours. */
static int level_of(const struct sigaction *action) {
    for (int level = 0; level < LEVELS; level++)
        if (action->sa_flags & SA_SIGINFO && action->sa_sigaction == entries[level])
            return level;
    return -1;
}

static int put_in(int level, struct sigaction *before) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = entries[level];
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART; /* NODEFER: a handler of others may fault, too */
    sigemptyset(&action.sa_mask);
    return sigaction(SIGSEGV, &action, before) ? errno : 0;
}

/* ---- for heavylift.runtime.pages; those that return int return 0 or an errno ---- */

/* Tells whether this library and the module that calls it are of one version: an editable installation keeps the compiled one. */
VISIBLE const uint32_t pages_layout[] = {sizeof(struct plan), sizeof(struct segment)};

/* Tries whether this kernel lets a process open code that it mapped without permissions, and names its file. The file has a page
   at least; `path`: FNV-1a of its real path. */
VISIBLE int pages_probe(int file, uint64_t path) {
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
            known = area.low == (uintptr_t)page && memcmp(area.access, "---p", 4) == 0 && area.path == path;
        close_file(reader.file);
    }
    if (!known)
        error = ENOENT; /* no /proc, or another than Linux has, or files have other names there */
    else if (mprotect(page, PAGE, PROT_READ | PROT_EXEC))
        error = errno;
    munmap(page, PAGE);
    return error;
}

/* Takes a plan, once in a process. `socket`: -1 where no page will ever be asked for. */
VISIBLE void pages_attach(struct plan *shared, int socket) {
    struct stat status;
    channel = socket;
    channel_inode = fstat(socket, &status) ? 0 : status.st_ino;
    states = (uint8_t *)shared + shared->states;
    plan = shared;
}

/* Puts the handler in. */
VISIBLE int pages_install(void) {
    int error = put_in(0, &beneath[0]);
    if (!error)
        __atomic_store_n(&active, 1, __ATOMIC_RELEASE);
    return error;
}

/* Puts the handler above one that was installed after it. Returns 1 if there was one, -1 if it cannot be put there. */
VISIBLE int pages_look_after(void) {
    struct sigaction found;
    if (sigaction(SIGSEGV, NULL, &found))
        return -1;
    int level = level_of(&found);
    if (level >= 0) {
        top = level; /* those that were above it have gone */
        return 0;
    }
    if (top == 0 || found.sa_sigaction != beneath[top].sa_sigaction) /* else it has come back */
        top = top + 1 < LEVELS ? top + 1 : top;
    beneath[top] = found;
    return put_in(top, NULL) ? -1 : 1;
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
    close_file(reader.file);
    return closed;
}

/* Takes the handler out, unless another was put above it meanwhile: then ours stays, and only passes on. */
VISIBLE void pages_remove(void) {
    struct sigaction found;
    __atomic_store_n(&active, 0, __ATOMIC_RELEASE);
    if (sigaction(SIGSEGV, NULL, &found) == 0 && level_of(&found) >= 0)
        sigaction(SIGSEGV, &beneath[level_of(&found)], NULL);
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

/* ---- in a program that was started meanwhile ---- */

static const char *extended(char *path, size_t size, const char *folder, const char *name) {
    if (strlen(folder) + strlen(name) >= size)
        return "";
    return strcat(strcpy(path, folder), name);
}

/* Waits until the load of the folder that the environment names has ended, as the lock beside it says, and ends the program if that
   left it partial. heavylift.runtime.destination has the same names. */
__attribute__((constructor)) static void wait_for_libraries(void) {
    const char *folder = getenv("HEAVYLIFT_PARTIAL");
    char path[4096];
    if (!folder || strcmp(program_invocation_short_name, "uname") == 0) /* it tells about the system alone, and imports run it */
        return;
    int lock = open_file(extended(path, sizeof path, folder, ".lock"));
    if (lock < 0)
        return;
    while (flock(lock, LOCK_SH) && errno == EINTR)
        ;
    close_file(lock);
    if (access(extended(path, sizeof path, folder, "/.heavylift/partial"), F_OK))
        return;
    const char *words[] = {"heavylift: ", program_invocation_name, ": cannot run: the libraries in ", folder,
                           " are not whole, and will not be: the loader's process has ended\n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (write(STDERR_FILENO, words[i], strlen(words[i])) < 0)
            break;
    _exit(127);
}
