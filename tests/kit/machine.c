/* What the machine beneath a relay does wrong, by order of a test: a library that is put before the
 * system's own. The orders are in a file that both sides see, named by the variable MACHINE; its
 * layout is that of `machine.rs`. Without an order everything is the system's. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct orders {
  volatile int64_t passed;      /* nanoseconds that both clocks are ahead */
  volatile int64_t set;         /* and that the one was set forward, or back */
  volatile int64_t write_error; /* what writes to the store's files fail with */
  volatile int64_t sync_hangs;  /* syncs don't come back */
  volatile int64_t no_names;    /* no host's name is known */
  volatile int64_t obeyed;      /* set by this side: the library is at work */
  volatile int64_t log_syncs;   /* counted by this side: syncs of the store's log that went well */
};

static struct orders none, *orders = &none;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("MACHINE");
  int fd = path ? open(path, O_RDWR) : -1;
  if (fd < 0) return;
  void *page = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (page == MAP_FAILED) return;
  orders = page;
  orders->obeyed = 1;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int64_t passed = orders->passed;
  int64_t ahead = clock == CLOCK_REALTIME    ? passed + orders->set
                  : clock == CLOCK_MONOTONIC ? passed
                                             : 0;
  int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && ahead != 0) {
    int64_t nanos = time->tv_nsec + ahead % 1000000000;
    time->tv_sec += ahead / 1000000000 + (nanos < 0 ? -1 : nanos / 1000000000);
    time->tv_nsec = nanos < 0 ? nanos + 1000000000 : nanos % 1000000000;
  }
  return result;
}

static int is_store(const char *path) { return strstr(path, "/relay.db") != NULL; }

/* Whether the file's path has this in it. */
static int is_at(int fd, const char *part) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, part) != NULL;
}

/* Whether to fail, with `errno` set, because the file is one of the store's. */
static int fails(int fd) {
  if (orders->write_error == 0 || !is_at(fd, "/relay.db")) return 0;
  errno = (int)orders->write_error;
  return 1;
}

ssize_t write(int fd, const void *from, size_t count) {
  return fails(fd) ? -1 : syscall(SYS_write, fd, from, count);
}

ssize_t pwrite(int fd, const void *from, size_t count, off_t at) {
  return fails(fd) ? -1 : syscall(SYS_pwrite64, fd, from, count, at);
}

ssize_t pwrite64(int fd, const void *from, size_t count, off64_t at) {
  return fails(fd) ? -1 : syscall(SYS_pwrite64, fd, from, count, at);
}

static int synced(long number, int fd) {
  while (orders->sync_hangs) usleep(1000);
  int result = fails(fd) ? -1 : (int)syscall(number, fd);
  if (result == 0 && is_at(fd, "/relay.db-wal")) __sync_fetch_and_add(&orders->log_syncs, 1);
  return result;
}

int fsync(int fd) { return synced(SYS_fsync, fd); }

int fdatasync(int fd) { return synced(SYS_fdatasync, fd); }

static int opened(const char *path, int flags, mode_t mode) {
  const char *boot_id = getenv("MACHINE_BOOT_ID");
  if (boot_id && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0) path = boot_id;
  if (orders->write_error == EROFS && (flags & (O_WRONLY | O_RDWR | O_CREAT)) && is_store(path)) {
    errno = EROFS;
    return -1;
  }
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define MODE(flags, mode)                             \
  mode_t mode = 0;                                    \
  if (flags & (O_CREAT | O_TMPFILE)) {                \
    va_list rest;                                     \
    va_start(rest, flags);                            \
    mode = va_arg(rest, mode_t);                      \
    va_end(rest);                                     \
  }

int open(const char *path, int flags, ...) {
  MODE(flags, mode)
  return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  MODE(flags, mode)
  return opened(path, flags | O_LARGEFILE, mode);
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **found) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
      dlsym(RTLD_NEXT, "getaddrinfo");
  return orders->no_names ? EAI_AGAIN : real(host, port, hints, found);
}
