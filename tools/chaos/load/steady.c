// Steady traffic until standard input ends: new streams at a rate, idle ones that speak now and then, and transfers one after the other.
// Orders on standard input, one a line: `rate NUMBER`, `transfers on`, `transfers off`.
// Every second a line `tick NOW OLDEST_NEW UNDER_WAY IDLE TRANSFERS STUCK`: OLDEST_NEW is when the oldest new stream without an outcome began,
// or 0; STUCK is how many established ones wait for bytes for more than two seconds.
#define _GNU_SOURCE
#include "chaos.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { NEW_LIMIT = 4096, TICKS = 50 };
#define SECOND UINT64_C(1000000000)
// A new stream that has no outcome by then has failed; one that should move and does not has stalled.
#define NEW_PATIENCE (15 * SECOND)
#define STALL (240 * SECOND)
#define STUCK (2 * SECOND)
#define REST (SECOND / 4)
#define ECHO_EVERY (5 * SECOND)

static struct client news[NEW_LIMIT], *others;
static int news_in_use[NEW_LIMIT], other_count, transfers_on = 1;
static uint64_t *resumes; // when an idle stream or transfer that is over begins anew
static uint64_t next_seed;

static const char *kind_of(enum mode mode) { return mode == MODE_ECHO ? "idle" : mode == MODE_UP ? "up" : "down"; }

static void begin_other(int epoll, int index) {
  enum mode mode = index < options.streams ? MODE_ECHO : index < options.streams + options.ups ? MODE_UP : MODE_DOWN;
  client_begin(&others[index], epoll, mode, next_seed++, mode == MODE_ECHO ? 0 : options.size);
}

// Whether a stream that runs has bytes to wait for, since so long.
static int waits(const struct client *client, uint64_t now, uint64_t since) {
  return client->phase == RUNNING && (client->mode != MODE_ECHO || client->echo_waits) && now > client->moved_at + since;
}

static void look_after_new(uint64_t now) {
  for (int index = 0; index < NEW_LIMIT; index++) {
    struct client *client = &news[index];
    if (!news_in_use[index]) continue;
    if (client->phase != OVER && now > client->begin + NEW_PATIENCE) client_end(client, "timeout");
    if (client->phase != OVER) continue;
    client_report(client, "new");
    news_in_use[index] = 0;
  }
}

static void look_after_other(int epoll, int index, uint64_t now) {
  struct client *client = &others[index];
  int isTransfer = client->mode != MODE_ECHO;
  if (client->phase == OVER) {
    if (resumes[index] == 0) {
      client_report(client, kind_of(client->mode));
      resumes[index] = client_is_ok(client) ? now : now + REST;
    }
    if (now >= resumes[index] && (!isTransfer || transfers_on)) {
      resumes[index] = 0;
      begin_other(epoll, index);
    }
    return;
  }
  if (client->phase != RUNNING && now > client->begin + NEW_PATIENCE) return client_end(client, "timeout");
  if (isTransfer) client_allow(client, options.pace / TICKS);
  else if (client->echo_waits == 0 && now > client->moved_at + ECHO_EVERY) client_allow(client, 0);
  if (waits(client, now, STALL)) client_end(client, "stalled");
}

static void say_tick(uint64_t now) {
  uint64_t oldest = 0;
  int under_way = 0, idle = 0, transfers = 0, stuck = 0;
  for (int index = 0; index < NEW_LIMIT; index++) {
    if (!news_in_use[index]) continue;
    under_way++;
    if (oldest == 0 || news[index].begin < oldest) oldest = news[index].begin;
  }
  for (int index = 0; index < other_count; index++) {
    if (others[index].phase == RUNNING) *(others[index].mode == MODE_ECHO ? &idle : &transfers) += 1;
    stuck += waits(&others[index], now, STUCK);
  }
  printf("tick %" PRIu64 " %" PRIu64 " %d %d %d %d\n", now, oldest, under_way, idle, transfers, stuck);
  fflush(stdout);
}

// False at the end of standard input.
static int take_orders(void) {
  static char line[128];
  static size_t had;
  ssize_t got = read(0, line + had, sizeof line - 1 - had);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  had += (size_t)got;
  for (char *end; (end = memchr(line, '\n', had));) {
    *end = 0;
    if (strncmp(line, "rate ", 5) == 0) options.rate = atof(line + 5);
    if (strcmp(line, "transfers on") == 0) transfers_on = 1;
    if (strcmp(line, "transfers off") == 0) transfers_on = 0;
    had -= (size_t)(end + 1 - line);
    memmove(line, end + 1, had);
  }
  return had < sizeof line - 1;
}

int steady(void) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  other_count = options.streams + options.ups + options.downs;
  others = calloc((size_t)other_count + 1, sizeof *others);
  resumes = calloc((size_t)other_count + 1, sizeof *resumes);
  if (!others || !resumes) fail("memory");
  struct epoll_event event = {.events = EPOLLIN};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event) != 0) fail("watch standard input");
  next_seed = mixed(options.seed);
  for (int index = 0; index < other_count; index++) begin_other(epoll, index);
  uint64_t tick = nanoseconds(), second = tick;
  double due = 0;
  for (;;) {
    struct epoll_event events[256];
    int wait = (int)((int64_t)(tick - nanoseconds()) / 1000000);
    int count = epoll_wait(epoll, events, 256, wait < 0 ? 0 : wait);
    for (int index = 0; index < count; index++) {
      if (events[index].data.ptr) client_events(events[index].data.ptr, events[index].events);
      else if (!take_orders()) return 0;
    }
    uint64_t now = nanoseconds();
    if (now < tick) continue;
    tick = tick + SECOND / TICKS > now ? tick + SECOND / TICKS : now + SECOND / TICKS;
    due += options.rate / TICKS;
    for (int index = 0; index < NEW_LIMIT && due >= 1; index++) {
      if (news_in_use[index]) continue;
      news_in_use[index] = 1;
      client_begin(&news[index], epoll, MODE_ONCE, next_seed++, 0);
      due--;
    }
    if (due > options.rate) due = options.rate;
    look_after_new(now);
    for (int index = 0; index < other_count; index++) look_after_other(epoll, index, now);
    if (now >= second) second = now + SECOND, say_tick(now);
  }
}
