// The near end: clients, and what they see.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

static int opened(enum mode mode) {
  uint8_t bytes[OPENING_LIMIT];
  int descriptor = dial(0);
  if (descriptor < 0) fail("connect");
  if (write_fully(descriptor, bytes, opening(bytes, mode)) != 0) fail("write the opening");
  return descriptor;
}

static void expect_mark(int descriptor) {
  char mark;
  if (read_fully(descriptor, &mark, 1) != 0 || mark != '!') fail("first byte");
}

static uint64_t *samples_for(int count) {
  uint64_t *samples = calloc((size_t)count, sizeof *samples);
  if (!samples) fail("memory");
  return samples;
}

// ---- Bulk: bytes that this end sends (up), receives (down), or both, on all streams for the given time.
void bulk(char direction) {
  enum mode mode = direction == 'u' ? MODE_SINK : direction == 'd' ? MODE_POUR : MODE_BOTH;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int index = 0; index < options.streams; index++) {
    int descriptor = opened(mode);
    struct epoll_event event = {
        .events = (direction != 'u' ? EPOLLIN : 0) | (direction != 'd' ? EPOLLOUT : 0), .data.fd = descriptor};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("watch");
  }
  uint64_t start = nanoseconds(), begin = start + (uint64_t)(options.warm * 1e9), end = 0, now = start;
  uint64_t bytes = 0, began = 0;
  struct usage before = {0};
  while (!end || now < end) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, 64, 1000);
    for (int index = 0; index < count; index++) {
      int descriptor = events[index].data.fd;
      if (events[index].events & (EPOLLHUP | EPOLLERR)) {
        errno = ECONNRESET;
        fail("bulk");
      }
      ssize_t moved = 1;
      for (int turn = 0; turn < 8 && moved > 0 && events[index].events & EPOLLIN; turn++) {
        moved = swallow(descriptor);
        if (moved > 0) bytes += (uint64_t)moved;
      }
      moved = 1;
      for (int turn = 0; turn < 8 && moved > 0 && events[index].events & EPOLLOUT; turn++) {
        moved = pour(descriptor);
        if (moved > 0) bytes += (uint64_t)moved;
      }
    }
    now = nanoseconds();
    if (!end && now >= begin) {
      before = usage_of_watched();
      bytes = 0;
      began = now = nanoseconds();
      end = began + (uint64_t)(options.seconds * 1e9);
    }
  }
  struct usage after = usage_of_watched();
  double gib = (double)bytes / (1 << 30), seconds = (double)(now - began) / 1e9;
  printf("{\"gib_per_s\": %.6g, \"cpu_per_gib\": %.6g, \"cpu_share\": %.4g}\n", gib / seconds, (after.cpu - before.cpu) / gib,
         (after.cpu - before.cpu) / seconds);
}

// ---- Round trips: one stream, one message under way at a time.
void round_trips(void) {
  int descriptor = opened(MODE_ECHO);
  expect_mark(descriptor);
  char *bytes = calloc(1, (size_t)options.size);
  uint64_t *samples = samples_for(options.count);
  if (!bytes) fail("memory");
  int warm = options.warm > 0 ? options.count / 10 : 0;
  struct usage before = usage_of_watched();
  for (int index = -warm; index < options.count; index++) {
    if (index == 0) before = usage_of_watched();
    uint64_t start = nanoseconds();
    if (write_fully(descriptor, bytes, (size_t)options.size) != 0 || read_fully(descriptor, bytes, (size_t)options.size) != 0)
      fail("round trip");
    if (index >= 0) samples[index] = nanoseconds() - start;
  }
  double cpu = usage_of_watched().cpu - before.cpu;
  struct percentiles time = percentiles(samples, (size_t)options.count);
  printf("{\"p50_us\": %.6g, \"p99_us\": %.6g, \"cpu_us\": %.6g}\n", time.p50, time.p99, cpu * 1e6 / options.count);
}

// ---- First bytes: fresh streams one after the other, from connect to the first byte of the answer.
void first_bytes(void) {
  uint64_t *samples = samples_for(options.count);
  int warm = options.warm > 0 ? options.count / 10 : 0;
  struct usage before = usage_of_watched();
  for (int index = -warm; index < options.count; index++) {
    if (index == 0) before = usage_of_watched();
    uint64_t start = nanoseconds();
    int descriptor = opened(MODE_ONCE);
    expect_mark(descriptor);
    if (index >= 0) samples[index] = nanoseconds() - start;
    char rest;
    if (recv(descriptor, &rest, 1, 0) != 0) fail("end of the stream");
    close(descriptor);
  }
  double cpu = usage_of_watched().cpu - before.cpu;
  struct percentiles time = percentiles(samples, (size_t)options.count);
  printf("{\"p50_us\": %.6g, \"p99_us\": %.6g, \"cpu_us\": %.6g}\n", time.p50, time.p99, cpu * 1e6 / options.count);
}

// ---- Refusals: connections that the relay turns away, one after the other, with a hello when there is a name to ask for.
void refusals(void) {
  uint8_t bytes[OPENING_LIMIT];
  size_t length = options.name ? opening(bytes, MODE_ONCE) : 0;
  int warm = options.warm > 0 ? options.count / 10 : 0;
  long got = 0;
  struct usage before = usage_of_watched();
  for (int index = -warm; index < options.count; index++) {
    if (index == 0) before = usage_of_watched(), got = 0;
    int descriptor = dial(0);
    if (descriptor < 0) fail("connect");
    if (length && write_fully(descriptor, bytes, length) != 0) fail("write the opening");
    uint8_t answer[64];
    for (ssize_t count; (count = recv(descriptor, answer, sizeof answer, 0)) > 0;) got += count;
    close(descriptor);
  }
  double cpu = usage_of_watched().cpu - before.cpu;
  printf("{\"cpu_us\": %.6g, \"bytes\": %.6g}\n", cpu * 1e6 / options.count, (double)got / options.count);
}

// ---- New streams: so many at a time, each replaced when it is over: connect, hello, one byte, end, close.
static void begin_stream(int epoll) {
  int descriptor = dial(1);
  struct epoll_event event = {.events = EPOLLOUT, .data.fd = descriptor};
  if (descriptor < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("connect");
}

void new_streams(void) {
  uint8_t bytes[OPENING_LIMIT];
  size_t length = opening(bytes, MODE_ONCE);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int index = 0; index < options.streams; index++) begin_stream(epoll);
  uint64_t now = nanoseconds(), begin = now + (uint64_t)(options.warm * 1e9), began = 0, end = 0, done = 0, broken = 0;
  struct usage before = {0};
  while (!end || now < end) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, 64, 1000);
    for (int index = 0; index < count; index++) {
      int descriptor = events[index].data.fd;
      if (events[index].events == EPOLLOUT) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = descriptor};
        if (send(descriptor, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) fail("write the opening");
        epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event);
        continue;
      }
      char answer[4];
      ssize_t got = recv(descriptor, answer, sizeof answer, MSG_DONTWAIT);
      if (got > 0 && !(events[index].events & EPOLLRDHUP)) continue;
      if (got < 0 && errno == EAGAIN) continue;
      if (got < 0) broken++;
      close(descriptor);
      done++;
      begin_stream(epoll);
    }
    now = nanoseconds();
    if (!end && now >= begin) {
      before = usage_of_watched();
      done = broken = 0;
      began = now = nanoseconds();
      end = began + (uint64_t)(options.seconds * 1e9);
    }
  }
  double cpu = usage_of_watched().cpu - before.cpu, seconds = (double)(now - began) / 1e9;
  printf("{\"per_s\": %.6g, \"cpu_us\": %.6g, \"broken\": %llu}\n", (double)done / seconds, cpu * 1e6 / (double)done,
         (unsigned long long)broken);
}

// ---- Idle: streams that have said one byte each and say no more.
void idle(void) {
  struct usage empty = usage_of_watched();
  for (int index = 0; index < options.streams; index++) expect_mark(opened(MODE_ECHO));
  usleep(300000);
  struct usage full = usage_of_watched();
  uint64_t start = nanoseconds();
  usleep((useconds_t)(options.seconds * 1e6));
  double seconds = (double)(nanoseconds() - start) / 1e9, cpu = usage_of_watched().cpu - full.cpu;
  printf("{\"bytes_per_stream\": %.6g, \"anonymous_per_stream\": %.6g, \"resident_mib\": %.6g, \"cpu_ms_per_s\": %.6g}\n",
         (double)(full.resident - empty.resident) / options.streams, (double)(full.anonymous - empty.anonymous) / options.streams,
         (double)full.resident / (1 << 20), cpu * 1e3 / seconds);
}
