// Clients as the Internet sends them, at a rate, for some seconds. Of a hundred 30 go away right after the hello (every other one with a
// reset), 10 ask for a download and never read, 5 send garbage or half a hello and stay, and 55 are good.
// Prints a line for each good one that failed, and at the end `storm GOOD FAILED GONE UNREAD GARBAGE`.
#define _GNU_SOURCE
#include "chaos.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GOOD, GONE, UNREAD, GARBAGE, KINDS };
#define SECOND UINT64_C(1000000000)
// Those that stay do so for this long, or until the storm is over.
#define STAY (20 * SECOND)
#define PATIENCE (15 * SECOND)

struct visitor {
  struct client client;
  int kind, in_use;
};

static int kind_of(uint64_t seed) {
  uint64_t percent = mixed(seed) % 100;
  return percent < 30 ? GONE : percent < 40 ? UNREAD : percent < 45 ? GARBAGE : GOOD;
}

static void leave(struct client *client, int withReset) {
  struct linger linger = {.l_onoff = withReset, .l_linger = 0};
  setsockopt(client->descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  client_end(client, "left");
}

static void send_garbage(struct client *client) {
  uint8_t bytes[OPENING_SIZE];
  make_opening(bytes, MODE_ONCE, client->seed, 0);
  switch (client->seed % 3) {
  case 0: fill_pattern(bytes, sizeof bytes, client->seed, 1); break; // no TLS at all
  case 1: fill_pattern(bytes + 5, HELLO_SIZE - 5, client->seed, 1); break; // a record of nonsense
  default: break; // half a hello
  }
  send(client->descriptor, bytes, client->seed % 3 == 2 ? HELLO_SIZE / 2 : sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
  struct epoll_event event = {.events = 0, .data.ptr = client};
  epoll_ctl(client->epoll, EPOLL_CTL_MOD, client->descriptor, &event);
  client->phase = RUNNING;
}

static void visit(struct visitor *visitor, uint32_t events) {
  struct client *client = &visitor->client;
  if (visitor->kind == GOOD || client->phase == OVER) return client_events(client, events);
  if (client->phase == DIALLING && visitor->kind == GARBAGE && !(events & EPOLLERR)) return send_garbage(client);
  if (visitor->kind == GARBAGE) return client_end(client, "left");
  if (client->phase == DIALLING) {
    client_events(client, events);
    // Some before the proxy has asked anybody, some while it waits for the answer.
    if (visitor->kind == GONE && client->phase == MARKING) leave(client, client->seed % 2);
    return;
  }
  // A download whose mark has come is never allowed to read: it stays unread.
  client_events(client, events);
}

// What nobody reads lies in the kernel, in each of the six sockets on its way, and all of them are on this machine. More of it and the
// kernel's memory for TCP (net.ipv4.tcp_mem) runs out, for the connections between nodes as well: that would be measured, and nothing of ours.
#define UNREAD_BYTES (1 << 20)

int storm(void) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int limit = (int)(options.rate * 40) + 64;
  struct visitor *visitors = calloc((size_t)limit, sizeof *visitors);
  if (!visitors) fail("memory");
  uint64_t counts[KINDS] = {0}, failed = 0, seed = mixed(options.seed), now = nanoseconds(), start = now;
  uint64_t end = now + (uint64_t)(options.seconds * 1e9);
  double begun = 0;
  int open = 0;
  while (now < end || open > 0) {
    struct epoll_event events[256];
    int count = epoll_wait(epoll, events, 256, 10);
    for (int index = 0; index < count; index++) visit(events[index].data.ptr, events[index].events);
    now = nanoseconds();
    int isOver = now >= end;
    open = 0;
    for (int index = 0; index < limit; index++) {
      struct visitor *visitor = &visitors[index];
      if (!visitor->in_use) {
        if (isOver || begun >= (double)(now - start) / 1e9 * options.rate) continue;
        *visitor = (struct visitor){.kind = kind_of(seed), .in_use = 1};
        counts[visitor->kind]++, begun++;
        client_begin(&visitor->client, epoll, visitor->kind == UNREAD ? MODE_DOWN : MODE_ONCE, seed, UNREAD_BYTES);
        seed++;
      }
      struct client *client = &visitor->client;
      uint64_t age = now > client->begin ? now - client->begin : 0;
      if (client->phase != OVER && visitor->kind == GOOD && age > PATIENCE) client_end(client, "timeout");
      if (client->phase != OVER && visitor->kind != GOOD && (isOver || age > STAY)) leave(client, 0);
      if (client->phase != OVER) {
        open++;
        continue;
      }
      if (visitor->kind == GOOD && !client_is_ok(client)) failed++, client_report(client, "good");
      visitor->in_use = 0;
    }
  }
  printf("storm %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", counts[GOOD], failed, counts[GONE],
         counts[UNREAD], counts[GARBAGE]);
  free(visitors);
  return 0;
}
