/* A test of pages.c under checkers of threads and memory: 64 threads execute every function of a library without code, in an
   order of their own, while another brings the pages. Arguments: plan, library, the whole library, functions, and how many pages
   are brought before that ends (all, if it is left out). */

#include "pages.c" /* -I packages/heavylift/native */

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 64

static int served, functions, wrong, patience = -1;
static const char *target, *original;
static int (*call)(int);

static void *bring(void *unused) {
    int from = open(original, O_RDONLY), to = open(target, O_WRONLY);
    uint32_t number;
    while (patience-- && recv(served, &number, sizeof number, 0) == sizeof number) {
        char content[PAGE];
        const struct segment *segment = &plan->segment[0];
        off_t place = (off_t)(segment->offset + (number - segment->first) * PAGE);
        if (pread(from, content, PAGE, place) != PAGE || pwrite(to, content, PAGE, place) != PAGE)
            abort();
        pages_arrived(number, 1);
    }
    close(served);
    return unused;
}

static void *work(void *seed) {
    unsigned step = 2 * (unsigned)(uintptr_t)seed + 1, number = (unsigned)(uintptr_t)seed;
    for (int count = 0; count < functions; count++, number += step)
        if (call((int)(number % (unsigned)functions)) != 3 * (int)(number % (unsigned)functions) + 1)
            __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    return NULL;
}

int main(int count, char **arguments) {
    int sockets[2], file = count >= 5 ? open(arguments[1], O_RDWR) : -1;
    pthread_t server, threads[THREADS];
    off_t size = lseek(file, 0, SEEK_END);
    target = arguments[2], original = arguments[3], functions = atoi(arguments[4]);
    if (count > 5)
        patience = atoi(arguments[5]);
    struct plan *shared = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets))
        return 2;
    served = sockets[1];
    pages_attach(shared, sockets[0]);
    if (pages_install() || pthread_create(&server, NULL, bring, NULL))
        return 2;
    void *library = dlopen(target, RTLD_NOW);
    if (!library)
        return fprintf(stderr, "%s\n", dlerror()), 2;
    *(void **)&call = dlsym(library, "call");
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i))
            return 2;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%d wrong, %d closed\n", wrong, pages_open_all() && 0);
    pages_remove();
    return wrong != 0;
}
