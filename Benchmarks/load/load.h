// The load generator of the benchmarks: both ends of the streams that a relay carries, and what the relay uses for them.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What the near end asks of the far end, in eight bytes behind the hello: 'L' 'D', a mode, five bytes that are zero.
enum { COMMAND_SIZE = 8 };
enum mode {
  MODE_SINK = 's',  // the far end throws away what comes
  MODE_POUR = 'p',  // the far end sends until the connection is closed
  MODE_BOTH = 'b',  // both of these
  MODE_ECHO = 'e',  // what comes goes back
  MODE_ONCE = 'o',  // one byte comes back, then the end of the stream
};

struct options {
  const char *name; // server name of the hello; NULL: no hello, for a far end without a relay before it
  const char *congestion; // congestion control; NULL: the system's
  int port, streams, count, size, threads;
  double warm, seconds;
  int copyless; // send from a memory file: no copy on the sending side
  pid_t watched[16]; // the relay's processes
  int watched_count;
};
extern struct options options;

// util.c
uint64_t nanoseconds(void);
_Noreturn void fail(const char *what);
void no_delay(int descriptor);
int dial(int nonblocking); // a connection to options.port on loopback; -1 when refused at once
int read_fully(int descriptor, void *bytes, size_t count);
int write_fully(int descriptor, const void *bytes, size_t count);
ssize_t pour(int descriptor); // as many bytes as one call moves
ssize_t swallow(int descriptor); // throws away without a copy
enum { PIECE = 128 << 10 }; // bytes per call in bulk
size_t opening(uint8_t *out, enum mode mode); // the hello, if any, and the command; at most OPENING_LIMIT bytes
enum { OPENING_LIMIT = 1024 };

struct usage {
  double cpu; // seconds, of all watched processes
  long resident, anonymous; // bytes
};
struct usage usage_of_watched(void);

struct percentiles {
  double p50, p99; // microseconds
};
struct percentiles percentiles(uint64_t *samples, size_t count); // sorts

// far.c
void far_end(void);

// near.c: each prints one line of JSON
void bulk(char direction); // 'u', 'd', 'b'
void round_trips(void);
void first_bytes(void);
void new_streams(void);
void refusals(void);
void idle(void);
