// The traffic of the chaos suite: clients that check every byte, and the server behind the private proxy that checks with them.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A stream begins with a ClientHello and this command; the server answers with the mark of the seed, so that streams cannot be mixed up.
struct command {
  char magic[8];
  uint64_t mode, seed, length;
};
#define MAGIC "HYPCHAOS"

enum mode {
  MODE_ONCE = 'o', // the mark, then the end from whoever is told to end first: even seeds the server, odd ones the client
  MODE_ECHO = 'e', // what comes goes back
  MODE_UP = 'u',   // `length` bytes of the pattern come, then the end; a verdict goes back
  MODE_DOWN = 'd', // `length` bytes of the pattern go out, then the end
};

// What the server says of an upload.
struct verdict {
  uint64_t received, first_wrong; // first_wrong: UINT64_MAX when all were right
};

struct options {
  const char *name; // server name of the hello
  int port, streams, ups, downs;
  double rate, seconds; // new streams per second, 0 for as many as possible; how long
  uint64_t count, size, pace; // streams in all; bytes of a transfer; bytes per second of a transfer
  unsigned seed;
};
extern struct options options;

// util.c
enum { HELLO_SIZE = 517, OPENING_SIZE = HELLO_SIZE + sizeof(struct command) };
uint64_t nanoseconds(void);
_Noreturn void fail(const char *what);
uint64_t mixed(uint64_t value);
uint64_t mark_of(uint64_t seed);
void fill_pattern(uint8_t *out, size_t count, uint64_t seed, uint64_t offset);
uint64_t first_wrong(const uint8_t *bytes, size_t count, uint64_t seed, uint64_t offset); // an offset, UINT64_MAX for none
void make_opening(uint8_t *out, enum mode mode, uint64_t seed, uint64_t length);
int dial(void); // a connection under way to options.port on loopback; -1 with errno

// client.c: one stream from its dialling to its end
enum phase { DIALLING, MARKING, RUNNING, OVER };
struct client {
  int descriptor, epoll;
  enum mode mode;
  enum phase phase;
  uint64_t seed, length, begin, established, moved_at; // moved_at: when bytes moved last
  uint64_t sent, received;
  uint64_t allowance; // bytes that may be moved until the next tick
  uint32_t had;       // of the mark, or of a verdict
  uint8_t bytes[sizeof(struct verdict)];
  int has_sent_end, echo_waits;
  char outcome[48];
};
void client_begin(struct client *, int epoll, enum mode mode, uint64_t seed, uint64_t length);
void client_events(struct client *, uint32_t events);
void client_allow(struct client *, uint64_t bytes); // transfers: how much more they may move; echoes: send one
void client_end(struct client *, const char *outcome);
int client_is_ok(const struct client *);
void client_report(const struct client *, const char *kind); // one line: KIND OUTCOME BEGIN_NS ESTABLISHED_NS END_NS BYTES

// scenarios: each returns the status of the process
int far_end(void);
int steady(void);
int storm(void);
int idle(void);
int soak(void);
