// The server behind the private proxy: does what each stream's command asks for, and checks what comes.
#define _GNU_SOURCE
#include "chaos.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };

// 64 bytes each, so that thousands of idle ones cost little here.
struct stream {
  int descriptor;
  uint8_t mode, wants_end; // mode: 0 while the opening is being read
  uint16_t had;
  uint64_t seed, length, done, wrong;
  uint8_t *opening;
};

static void finish(struct stream *stream) {
  close(stream->descriptor);
  free(stream->opening);
  free(stream);
}

static int put_all(int descriptor, const void *bytes, size_t count) {
  return send(descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)count;
}

// Each of these is false when the stream is over.
static int read_opening(struct stream *stream) {
  if (!stream->opening && !(stream->opening = malloc(OPENING_SIZE))) fail("memory");
  ssize_t got = recv(stream->descriptor, stream->opening + stream->had, OPENING_SIZE - stream->had, MSG_DONTWAIT);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  stream->had = (uint16_t)(stream->had + got);
  if (stream->had < OPENING_SIZE) return 1;
  struct command command;
  memcpy(&command, stream->opening + HELLO_SIZE, sizeof command);
  free(stream->opening);
  stream->opening = NULL;
  if (memcmp(command.magic, MAGIC, sizeof command.magic) != 0) return 0;
  stream->mode = (uint8_t)command.mode, stream->seed = command.seed, stream->length = command.length;
  stream->wrong = UINT64_MAX;
  uint64_t mark = mark_of(stream->seed);
  if (!put_all(stream->descriptor, &mark, sizeof mark)) return 0;
  if (stream->mode == MODE_ONCE && stream->seed % 2 == 0) shutdown(stream->descriptor, SHUT_WR);
  return 1;
}

static int await_end(struct stream *stream) {
  uint8_t byte;
  ssize_t got = recv(stream->descriptor, &byte, 1, MSG_DONTWAIT);
  return got < 0 && errno == EAGAIN;
}

static int echo(struct stream *stream) {
  uint8_t bytes[4096];
  ssize_t got = recv(stream->descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
  if (got > 0) return put_all(stream->descriptor, bytes, (size_t)got);
  return got < 0 && errno == EAGAIN;
}

static int take_upload(struct stream *stream) {
  static uint8_t bytes[PIECE];
  for (int turn = 0; turn < 8; turn++) {
    ssize_t got = recv(stream->descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) {
      struct verdict verdict = {.received = stream->done, .first_wrong = stream->wrong};
      put_all(stream->descriptor, &verdict, sizeof verdict);
      return 0;
    }
    if (stream->wrong == UINT64_MAX) stream->wrong = first_wrong(bytes, (size_t)got, stream->seed, stream->done);
    stream->done += (uint64_t)got;
  }
  return 1;
}

static int give_download(struct stream *stream) {
  static uint8_t bytes[PIECE];
  for (int turn = 0; turn < 4 && stream->done < stream->length; turn++) {
    uint64_t left = stream->length - stream->done;
    size_t count = left < PIECE ? left : PIECE;
    fill_pattern(bytes, count, stream->seed, stream->done);
    ssize_t put = send(stream->descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0) return errno == EAGAIN;
    stream->done += (uint64_t)put;
  }
  return 1;
}

static int serve(struct stream *stream, uint32_t events) {
  if (stream->mode == 0) return read_opening(stream);
  switch (stream->mode) {
  case MODE_ECHO: return echo(stream);
  case MODE_UP: return take_upload(stream);
  case MODE_DOWN:
    if (stream->done < stream->length) return !(events & (EPOLLERR | EPOLLHUP)) && give_download(stream);
    return await_end(stream);
  default: return await_end(stream);
  }
}

// Downloads wait for room until everything is on its way; then, like all others, for what comes.
static void watch_again(int epoll, struct stream *stream) {
  int wants_room = stream->mode == MODE_DOWN && stream->done < stream->length;
  if (stream->mode == MODE_DOWN && !wants_room && !stream->wants_end) {
    shutdown(stream->descriptor, SHUT_WR);
    stream->wants_end = 1;
  }
  struct epoll_event event = {.events = wants_room ? EPOLLOUT : EPOLLIN, .data.ptr = stream};
  epoll_ctl(epoll, EPOLL_CTL_MOD, stream->descriptor, &event);
}

int far_end(void) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 4096) != 0) fail("listen");
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) fail("watch the listener");
  printf("far ready\n");
  fflush(stdout);
  for (;;) {
    struct epoll_event events[128];
    int count = epoll_wait(epoll, events, 128, -1);
    for (int index = 0; index < count; index++) {
      struct stream *stream = events[index].data.ptr;
      if (!stream) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (descriptor < 0) continue;
        if (!(stream = calloc(1, sizeof *stream))) fail("memory");
        stream->descriptor = descriptor;
        event = (struct epoll_event){.events = EPOLLIN, .data.ptr = stream};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) finish(stream);
      } else if (!serve(stream, events[index].events)) {
        finish(stream);
      } else if (stream->mode == MODE_DOWN && !stream->wants_end) {
        watch_again(epoll, stream);
      }
    }
  }
}
