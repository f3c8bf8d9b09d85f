#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int cplatform_tune_allocator(int mmap_threshold, int trim_threshold, int arenas) {
    int ok = 1;
    if (mmap_threshold > 0) ok &= mallopt(M_MMAP_THRESHOLD, mmap_threshold);
    if (trim_threshold > 0) ok &= mallopt(M_TRIM_THRESHOLD, trim_threshold);
    if (arenas > 0) ok &= mallopt(M_ARENA_MAX, arenas);
    return ok ? 0 : -1;
}

void cplatform_keep_free_blocks(int count, char *const *arguments) {
    static const char tunable[] = "glibc.malloc.tcache_count";
    const char *known = getenv("GLIBC_TUNABLES");
    if (known != NULL && strstr(known, tunable) != NULL) return;
    char value[1024], program[4096];
    const char *separator = known != NULL && *known != '\0' ? ":" : "";
    int length = snprintf(value, sizeof value, "%s%s%s=%d", known != NULL ? known : "", separator, tunable, count);
    // Not `/proc/self/exe` itself: its name would become the process's.
    ssize_t end = readlink("/proc/self/exe", program, sizeof program);
    if (length < 0 || (size_t)length >= sizeof value || end <= 0 || (size_t)end >= sizeof program) return;
    program[end] = '\0';
    if (setenv("GLIBC_TUNABLES", value, 1) == 0) execv(program, arguments);
}

size_t cplatform_free_heap_bytes(void) { return mallinfo2().fordblks; }

// A free block's first word holds the next one's address.
void *cplatform_take_free_blocks(int count) {
    // glibc's lists: 24 bytes that can be used, then 16 more from list to list.
    enum { least = 24, most = 1032, step = 16 };
    void **taken = NULL;
    for (size_t size = least; size <= most; size += step) {
        for (int made = 0; made < count; made += 1) {
            void **block = malloc(size);
            if (block == NULL) return taken;
            *block = taken;
            taken = block;
        }
    }
    return taken;
}

static void *free_blocks(void *taken) {
    while (taken != NULL) {
        void *next = *(void **)taken;
        free(taken);
        taken = next;
    }
    return NULL;
}

void cplatform_give_blocks_back(void *taken) {
    pthread_t other;
    if (pthread_create(&other, NULL, free_blocks, taken) == 0) {
        pthread_join(other, NULL);
    } else {
        free_blocks(taken);
    }
}

int cplatform_trim_allocator(void) { return malloc_trim(0); }

// Of the Swift runtime; absent where it is linked in without its diagnostics.
extern _Bool _swift_disableExclusivityChecking __attribute__((weak));

void cplatform_skip_access_checks(void) {
    if (&_swift_disableExclusivityChecking != NULL) _swift_disableExclusivityChecking = 1;
}

static int forget_object(struct dl_phdr_info *object, size_t size, void *page_size) {
    (void)size;
    uintptr_t mask = ~(*(const uintptr_t *)page_size - 1);
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        // Relocations and data lie in segments that are writable; what is not is as it is in the file.
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & mask;
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        // An object that is not a file, such as the vDSO, refuses, and keeps its pages.
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void cplatform_forget_code(void) {
    uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    dl_iterate_phdr(forget_object, &page_size);
}

int cplatform_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

int cplatform_follow_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

void cplatform_exit_now(int code) { _exit(code); }

int cplatform_open(const char *path, int flags, mode_t mode) { return open(path, flags | O_CLOEXEC, mode); }

int cplatform_fcntl(int descriptor, int command, int argument) { return fcntl(descriptor, command, argument); }

int cplatform_ioctl(int descriptor, unsigned long request, void *argument) { return ioctl(descriptor, request, argument); }

int cplatform_terminal_columns(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Everything below `fork` in the child may only use async-signal-safe calls: other threads hold locks that nobody will release there.

static int place_descriptor(int from, int to) {
    if (from < 0) {
        from = open("/dev/null", O_RDWR);
        if (from < 0) return -1;
    }
    if (from == to) return fcntl(to, F_SETFD, 0);
    return dup2(from, to);
}

static void restore_signals(void) {
    struct sigaction standard;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int drop_user(const struct cplatform_spawn_options *options) {
    if (options->user == 0) return 0;
    if (setgroups(0, NULL) != 0) return -1;
    if (setgid(options->group) != 0) return -1;
    return setuid(options->user);
}

// Returns once the parent lets the program run. A parent that ended, or thought better of it, has closed its end without a byte.
static void wait_for_release(int gate) {
    char go;
    ssize_t count;
    do count = read(gate, &go, 1);
    while (count < 0 && errno == EINTR);
    if (count != 1) _exit(127);
}

static void run_child(const struct cplatform_spawn_options *options, int gate, pid_t parent) {
    restore_signals();
    // The inputs and the gate may lie on 0 to 3 themselves: move them out of the way first.
    gate = fcntl(gate, F_DUPFD_CLOEXEC, 4);
    if (gate < 0) _exit(127);
    if (options->new_session && setsid() < 0) goto fail;
    int input = options->standard_input < 0 ? -1 : fcntl(options->standard_input, F_DUPFD_CLOEXEC, 4);
    int output = options->standard_output < 0 ? -1 : fcntl(options->standard_output, F_DUPFD_CLOEXEC, 4);
    int error = options->standard_error < 0 ? -1 : fcntl(options->standard_error, F_DUPFD_CLOEXEC, 4);
    if (place_descriptor(input, 0) < 0 || place_descriptor(output, 1) < 0 || place_descriptor(error, 2) < 0) goto fail;
    if (dup3(gate, 3, O_CLOEXEC) < 0) goto fail;
    gate = 3;
    // At once, not at exec: among them are the far ends of this gate and of others, which must close when the parent ends.
    syscall(SYS_close_range, 4u, ~0u, 0u);
    if (options->directory != NULL && chdir(options->directory) != 0) goto fail;
    if (drop_user(options) != 0) goto fail;
    if (options->parent_death_signal > 0) {
        if (prctl(PR_SET_PDEATHSIG, options->parent_death_signal, 0, 0, 0) != 0) goto fail;
        // The parent may have ended before the request was in place.
        if (getppid() != parent) _exit(127);
    }
    wait_for_release(gate);
    execve(options->path, options->arguments, options->environment);
fail:;
    int reason = errno;
    ssize_t ignored = send(gate, &reason, sizeof reason, MSG_NOSIGNAL);
    (void)ignored;
    _exit(127);
}

static void reap(pid_t child) {
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
}

pid_t cplatform_spawn_held(const struct cplatform_spawn_options *options, int *gate) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    pid_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all);
    // No handler of ours may run in the child before it has reset them.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(options, ends[1], parent);
    }
    int failed = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        errno = failed;
        return -1;
    }
    *gate = ends[0];
    return child;
}

int cplatform_release(pid_t child, int gate) {
    char go = 1;
    // A child that failed already does not take it, and has said why.
    ssize_t ignored = send(gate, &go, 1, MSG_NOSIGNAL);
    (void)ignored;
    int reason = 0;
    ssize_t count;
    do count = read(gate, &reason, sizeof reason);
    while (count < 0 && errno == EINTR);
    close(gate);
    if (count != sizeof reason) return 0;
    reap(child);
    errno = reason;
    return -1;
}

void cplatform_abandon(pid_t child, int gate) {
    close(gate);
    reap(child);
}

pid_t cplatform_spawn(const struct cplatform_spawn_options *options) {
    int gate;
    pid_t child = cplatform_spawn_held(options, &gate);
    if (child < 0) return -1;
    return cplatform_release(child, gate) == 0 ? child : -1;
}
