// What Swift's Glibc module does not offer, because that module is built without _GNU_SOURCE and lacks some headers.
// Thin functions and constants only: every decision is taken in Swift. The only C in the project.
#pragma once

#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

// The kernel's epoll_event, which is packed on x86-64 only.
struct hyper_event {
  uint32_t events;
  uint64_t data;
}
#if defined(__x86_64__)
__attribute__((packed))
#endif
;

// Numbers of the kernel's interface, the same on every machine; as values, because they are tested for every event.
static const uint32_t hyper_EPOLLIN = 0x1;
static const uint32_t hyper_EPOLLOUT = 0x4;
static const uint32_t hyper_EPOLLERR = 0x8;
static const uint32_t hyper_EPOLLHUP = 0x10;
static const uint32_t hyper_EPOLLRDHUP = 0x2000;
static const uint32_t hyper_EPOLLEXCLUSIVE = 1u << 28;
static const uint32_t hyper_EPOLLET = 1u << 31;

// All return what the system call returns and leave errno as it set it, unless said otherwise.
// Those that every stream makes are no cancellation points: nobody cancels our threads, and what the C library does around
// each call to be one costs more than all else that we do for it.

int hyper_epoll_create(void); // close-on-exec
int hyper_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data);
int hyper_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t data);
int hyper_epoll_delete(int epoll, int descriptor);
// Waits at most `timeout` milliseconds (-1: for ever) and fills `events`.
int hyper_epoll_wait(int epoll, struct hyper_event *events, int capacity, int timeout);

int hyper_eventfd(void); // nonblocking, close-on-exec
int hyper_eventfd_signal(int descriptor);
int hyper_eventfd_clear(int descriptor);

// New stream sockets and accepted ones: nonblocking, close-on-exec.
int hyper_socket(int family);
int hyper_accept(int listener, struct sockaddr_storage *address, socklen_t *length);
int hyper_connect(int descriptor, const struct sockaddr *address, socklen_t length);
int hyper_shutdown_writing(int descriptor); // the FIN
int hyper_close(int descriptor);

// MSG_NOSIGNAL: a peer that is gone is an error code, not a signal.
ssize_t hyper_send(int descriptor, const void *bytes, size_t count, int flags);
// MSG_MORE: a segment that is not full waits for what comes behind it, at most 200 ms.
static const int hyper_MSG_MORE = 0x8000;
ssize_t hyper_recv(int descriptor, void *bytes, size_t count);

// The heap of the C library (mallopt(3), malloc_trim(3)); nothing where that is not glibc.
void hyper_limit_heap_arenas(int count);
void hyper_trim_heap(void);

// Both ends nonblocking, close-on-exec; ends[0] is read, ends[1] is written.
int hyper_pipe(int ends[2]);
// Bytes that a pipe takes, in pages that are all full; rounded up to a power of two when set.
int hyper_set_pipe_size(int descriptor, int bytes);
int hyper_pipe_size(int descriptor);
// Moves bytes between a socket and a pipe without a copy, and never waits. SIGPIPE must be ignored.
ssize_t hyper_splice(int source, int sink, size_t count);

// Closing sends RST and throws away what was not sent.
int hyper_set_reset_on_close(int descriptor);
int hyper_reuse_address(int descriptor);
int hyper_ipv6_only(int descriptor, int on);
int hyper_no_delay(int descriptor);
// Binding to port 0 leaves the port open until the connection is made, so that it need not be free towards everybody.
int hyper_bind_address_no_port(int descriptor);
// Seconds.
int hyper_keepalive(int descriptor, int idle, int interval, int probes);
// The pending error of a socket, which is cleared; an errno value, 0 when there is none.
int hyper_take_error(int descriptor);

// Milliseconds since some point in the past; cheap, precise to a tick of the kernel (1 to 10 ms).
uint64_t hyper_coarse_milliseconds(void);

// SIGPIPE is ignored from now on, in the whole process: splice(2) has no MSG_NOSIGNAL.
void hyper_ignore_sigpipe(void);

// Starts a thread with all signals blocked, so that they are delivered to threads that expect them. 0 or an errno value.
int hyper_thread_start(pthread_t *thread, const char *name, void *(*body)(void *), void *argument);

// A Unix socket address for `path`; 0, or -1 when the path does not fit (107 bytes).
int hyper_unix_address(const char *path, struct sockaddr_storage *address, socklen_t *length);
