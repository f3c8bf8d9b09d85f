#ifndef PLIMSOLL_CPLATFORM_H
#define PLIMSOLL_CPLATFORM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Takes as many of `count` bytes into the CRC-32 `state` (not complemented) as the processor has instructions for. Returns how many; the others,
/// perhaps all, are the caller's.
size_t cplatform_crc32(const void *bytes, size_t count, uint32_t *state);

/// How many bytes at the beginning, a multiple of 64, hold neither a quote nor a backslash, a control byte or one above 0x7F.
size_t cplatform_plain_bytes(const unsigned char *bytes, size_t count);

/// How many of the bytes are small letters or spaces.
size_t cplatform_light_bytes(const unsigned char *bytes, size_t count);

/// To be called before `cplatform_publish`: from then on an access to mapped memory that its file cannot back ends that call, not the process.
/// Elsewhere it ends the process, as before.
void cplatform_watch_mapped_memory(void);

/// Copies `count` bytes, at least one, to mapped memory that has one more, so that whoever reads the file behind it, also when this process is
/// killed in between, finds all of them or a zero in place of the first one. Behind them stands a zero. Returns 0, or EIO when the file cannot
/// back the memory.
int cplatform_publish(void *place, const void *bytes, size_t count);

/// Sets the allocator up for a server with large buffers: blocks below `mmap_threshold` bytes come from the heap, free memory above
/// `trim_threshold` bytes at its top is given back, and at most `arenas` arenas are made. Zero leaves a setting as it is.
/// Returns 0, or -1 when the allocator refused a value.
int cplatform_tune_allocator(int mmap_threshold, int trim_threshold, int arenas);

/// Lets each thread keep `count` free blocks of each small size at hand instead of glibc's 7: what a loop frees in one turn it takes in the next. glibc hears
/// of it only when a program begins, by GLIBC_TUNABLES, so the program is begun anew, with `arguments`, in this same process. To be called first of all, on the first thread.
/// Returns when that has been done, when the variable says otherwise, or when it cannot be done; then everything works, slower.
void cplatform_keep_free_blocks(int count, char *const *arguments);

/// Takes the free blocks that the calling thread keeps at hand, up to `count` of each small size, and as many as are missing from the heap: below 4 MiB with 128.
/// What is returned, perhaps NULL, is for `cplatform_give_blocks_back`, on any thread.
void *cplatform_take_free_blocks(int count);

/// Frees what was taken on a thread that ends with it: one that went on would keep the blocks at hand in its turn. Returns when it is done.
void cplatform_give_blocks_back(void *taken);

/// Bytes that are free in the heaps, whether the system still backs them or not.
size_t cplatform_free_heap_bytes(void);

/// Gives free memory back to the system. Returns 1 when some was given back.
int cplatform_trim_allocator(void);

/// Switches the Swift runtime's checks of exclusive access off for this process. Libraries that are built as they come carry them; the
/// compiler's own proofs stay, and builds for tests never call this.
void cplatform_skip_access_checks(void);

/// Unmaps the pages of code and constants of the program and its libraries from this process. What is needed again is mapped again from the
/// page cache; what was needed at the start only stays out of the resident memory.
void cplatform_forget_code(void);

/// Forbids core dumps and reading of this process's memory by others of the same user. Returns 0 or -1 with errno.
int cplatform_forbid_dumps(void);

/// Has the system send `signal` to this process when the thread that started it ends. Returns 0 or -1 with errno.
int cplatform_follow_parent(int signal);

/// How `cplatform_spawn` starts a program.
struct cplatform_spawn_options {
    /// Absolute path of the program.
    const char *path;
    /// Ends with NULL; the first is the program's name.
    char *const *arguments;
    /// Ends with NULL; each `NAME=value`.
    char *const *environment;
    /// NULL: the caller's.
    const char *directory;
    /// Descriptors for 0, 1 and 2; -1 means /dev/null.
    int standard_input;
    int standard_output;
    int standard_error;
    /// 1: a session and process group of its own, so that signals of the terminal do not reach it.
    int new_session;
    /// Signal to send it when the starting thread ends; 0: none.
    int parent_death_signal;
    /// Drop to these when `user` is above zero; supplementary groups are cleared.
    uid_t user;
    gid_t group;
};

/// Starts a program with every other descriptor closed and default signal handling. Returns its process id, or -1 with errno, also when the
/// program could not be executed.
pid_t cplatform_spawn(const struct cplatform_spawn_options *options);

/// As `cplatform_spawn`, but the new process waits before it executes the program, and ends when this process ends before it lets it go:
/// what must be on disk about it can be written first. Returns its process id and in `gate` what `cplatform_release` or `cplatform_abandon`
/// needs, or -1 with errno.
pid_t cplatform_spawn_held(const struct cplatform_spawn_options *options, int *gate);

/// Lets a held process execute its program. Closes `gate`. Returns 0, or -1 with errno when the program could not be executed; then the
/// process has ended and was reaped.
int cplatform_release(pid_t child, int gate);

/// Ends a held process before it executed anything, and reaps it. Closes `gate`.
void cplatform_abandon(pid_t child, int gate);

/// Ends this process at once: no destructors, no flush.
void cplatform_exit_now(int code) __attribute__((noreturn));

/// `open(2)` with close-on-exec. Returns a descriptor or -1 with errno.
int cplatform_open(const char *path, int flags, mode_t mode);

/// `fcntl(2)` with an integer argument.
int cplatform_fcntl(int descriptor, int command, int argument);

/// `ioctl(2)` with a pointer argument.
int cplatform_ioctl(int descriptor, unsigned long request, void *argument);

/// Columns of the terminal behind a descriptor; 0 when it is none.
int cplatform_terminal_columns(int descriptor);

#endif
