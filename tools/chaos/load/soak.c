// `count` streams, `streams` at a time, at most `rate` a second: each opened, marked, ended. Half are ended by the server first.
// Every second `soak DONE FAILED`; a line for each of the first hundred that failed. Ends with status 1 when any did.
#define _GNU_SOURCE
#include "chaos.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define SECOND UINT64_C(1000000000)
#define PATIENCE (15 * SECOND)

int soak(void) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct client *clients = calloc((size_t)options.streams, sizeof *clients);
  if (!clients) fail("memory");
  for (int index = 0; index < options.streams; index++) clients[index].phase = OVER;
  uint64_t begun = 0, done = 0, failed = 0, seed = mixed(options.seed), start = nanoseconds(), second = start;
  while (done < options.count) {
    struct epoll_event events[256];
    int found = epoll_wait(epoll, events, 256, 5);
    for (int index = 0; index < found; index++) client_events(events[index].data.ptr, events[index].events);
    uint64_t now = nanoseconds();
    for (int index = 0; index < options.streams; index++) {
      struct client *client = &clients[index];
      if (client->phase != OVER && now > client->begin + PATIENCE) client_end(client, "timeout");
      if (client->phase != OVER) continue;
      if (client->begin != 0) {
        done++;
        if (!client_is_ok(client) && failed++ < 100) client_report(client, "new");
        client->begin = 0;
      }
      if (begun == options.count) continue;
      if (options.rate > 0 && (double)begun >= (double)(now - start) / 1e9 * options.rate) continue;
      begun++;
      client_begin(client, epoll, MODE_ONCE, seed++, 0);
    }
    if (now >= second || done == options.count) {
      second = now + SECOND;
      printf("soak %" PRIu64 " %" PRIu64 "\n", done, failed);
      fflush(stdout);
    }
  }
  free(clients);
  return failed > 0;
}
