#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(
    EPOLLIN == 0x1 && EPOLLOUT == 0x4 && EPOLLERR == 0x8 && EPOLLHUP == 0x10 && EPOLLRDHUP == 0x2000 && EPOLLEXCLUSIVE == 1u << 28 &&
        (uint32_t)EPOLLET == 1u << 31,
    "the events of epoll");
_Static_assert(hyper_MSG_MORE == MSG_MORE, "the flags of send");
_Static_assert(
    sizeof(struct hyper_event) == sizeof(struct epoll_event) && offsetof(struct hyper_event, data) == offsetof(struct epoll_event, data),
    "the shape of an event");

// A system call, and errno as the C library sets it. Its `syscall` shuffles all arguments for a call that is only made to make
// another one; a stream makes dozens.
static inline long call(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  long result = x0;
#else
  return syscall(number, a, b, c, d, e, f);
#endif
#if defined(__x86_64__) || defined(__aarch64__)
  // The kernel gives -4095 to -1 for an error.
  if (__builtin_expect((unsigned long)result < -4095UL, 1)) return result;
  errno = (int)-result;
  return -1;
#endif
}

int hyper_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int hyper_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return (int)call(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, descriptor, (long)&event, 0, 0);
}

int hyper_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return (int)call(SYS_epoll_ctl, epoll, EPOLL_CTL_MOD, descriptor, (long)&event, 0, 0);
}

int hyper_epoll_delete(int epoll, int descriptor) {
  struct epoll_event event = {0};
  return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event);
}

int hyper_epoll_wait(int epoll, struct hyper_event *events, int capacity, int timeout) {
  return (int)call(SYS_epoll_pwait, epoll, (long)events, capacity, timeout, 0, 0);
}

int hyper_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int hyper_eventfd_signal(int descriptor) { return eventfd_write(descriptor, 1); }

int hyper_eventfd_clear(int descriptor) {
  eventfd_t value;
  return eventfd_read(descriptor, &value);
}

#ifdef __GLIBC__
void hyper_limit_heap_arenas(int count) { mallopt(M_ARENA_MAX, count); }
void hyper_trim_heap(void) { malloc_trim(0); }
#else
void hyper_limit_heap_arenas(int count) { (void)count; }
void hyper_trim_heap(void) {}
#endif

int hyper_socket(int family) { return (int)call(SYS_socket, family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0, 0, 0); }

int hyper_accept(int listener, struct sockaddr_storage *address, socklen_t *length) {
  *length = sizeof *address;
  return (int)call(SYS_accept4, listener, (long)address, (long)length, SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0);
}

int hyper_connect(int descriptor, const struct sockaddr *address, socklen_t length) {
  return (int)call(SYS_connect, descriptor, (long)address, length, 0, 0, 0);
}

int hyper_shutdown_writing(int descriptor) { return (int)call(SYS_shutdown, descriptor, SHUT_WR, 0, 0, 0, 0); }

int hyper_close(int descriptor) { return (int)call(SYS_close, descriptor, 0, 0, 0, 0, 0); }

ssize_t hyper_send(int descriptor, const void *bytes, size_t count, int flags) {
  return call(SYS_sendto, descriptor, (long)bytes, (long)count, MSG_NOSIGNAL | flags, 0, 0);
}

ssize_t hyper_recv(int descriptor, void *bytes, size_t count) {
  return call(SYS_recvfrom, descriptor, (long)bytes, (long)count, 0, 0, 0);
}

int hyper_pipe(int ends[2]) { return pipe2(ends, O_NONBLOCK | O_CLOEXEC); }

int hyper_set_pipe_size(int descriptor, int bytes) { return fcntl(descriptor, F_SETPIPE_SZ, bytes); }

int hyper_pipe_size(int descriptor) { return fcntl(descriptor, F_GETPIPE_SZ); }

ssize_t hyper_splice(int source, int sink, size_t count) {
  return call(SYS_splice, source, 0, sink, 0, (long)count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

static int set_option(int descriptor, int level, int name, int value) {
  return (int)call(SYS_setsockopt, descriptor, level, name, (long)&value, sizeof value, 0);
}

int hyper_set_reset_on_close(int descriptor) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  return setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

int hyper_reuse_address(int descriptor) { return set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1); }

int hyper_ipv6_only(int descriptor, int on) { return set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, on); }

int hyper_bind_address_no_port(int descriptor) { return set_option(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1); }

int hyper_no_delay(int descriptor) { return set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1); }

int hyper_keepalive(int descriptor, int idle, int interval, int probes) {
  if (set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1) != 0) return -1;
  if (set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, idle) != 0) return -1;
  if (set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, interval) != 0) return -1;
  return set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, probes);
}

int hyper_take_error(int descriptor) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

uint64_t hyper_coarse_milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void hyper_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }

int hyper_thread_start(pthread_t *thread, const char *name, void *(*body)(void *), void *argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int result = pthread_create(thread, NULL, body, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (result == 0) pthread_setname_np(*thread, name);
  return result;
}

int hyper_unix_address(const char *path, struct sockaddr_storage *address, socklen_t *length) {
  struct sockaddr_un local = {.sun_family = AF_UNIX};
  size_t count = strlen(path);
  if (count == 0 || count >= sizeof local.sun_path) return -1;
  memcpy(local.sun_path, path, count);
  memset(address, 0, sizeof *address);
  memcpy(address, &local, sizeof local);
  *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + count + 1);
  return 0;
}
