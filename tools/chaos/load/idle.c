// Many idle streams: opens them, prints `open COUNT`, and after a line on standard input sends a word through each and prints `alive COUNT`.
// Ends with standard input.
#define _GNU_SOURCE
#include "chaos.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
enum { AT_ONCE = 64 };

// Carries out what happens until all streams of [0, count) have got past `phase`, or have had their echo; returns how many are well.
static int settle(int epoll, struct client *clients, int count, int isEcho) {
  uint64_t end = nanoseconds() + 20 * SECOND;
  for (;;) {
    struct epoll_event events[256];
    int found = epoll_wait(epoll, events, 256, 20), waiting = 0, well = 0;
    for (int index = 0; index < found; index++) client_events(events[index].data.ptr, events[index].events);
    for (int index = 0; index < count; index++) {
      int isRunning = clients[index].phase == RUNNING, isReady = isRunning && !(isEcho && clients[index].echo_waits);
      waiting += clients[index].phase != OVER && !isReady;
      well += isReady;
    }
    if (waiting == 0 || nanoseconds() > end) return well;
  }
}

int idle(void) {
  int epoll = epoll_create1(EPOLL_CLOEXEC), count = options.streams;
  struct client *clients = calloc((size_t)count, sizeof *clients);
  if (!clients) fail("memory");
  uint64_t seed = mixed(options.seed);
  for (int first = 0; first < count; first += AT_ONCE) {
    int until = first + AT_ONCE < count ? first + AT_ONCE : count;
    for (int index = first; index < until; index++) client_begin(&clients[index], epoll, MODE_ECHO, seed++, 0);
    // Looks at the latest ones only: earlier ones are idle.
    settle(epoll, clients + first, until - first, 0);
  }
  int open = 0;
  for (int index = 0; index < count; index++) open += clients[index].phase == RUNNING;
  printf("open %d\n", open);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) == 1) {
    if (byte != '\n') continue;
    for (int index = 0; index < count; index++) client_allow(&clients[index], 0);
    printf("alive %d\n", settle(epoll, clients, count, 1));
    fflush(stdout);
  }
  return 0;
}
