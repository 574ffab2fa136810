// The far end: a server that does what each stream's command asks for.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

// A stream whose command is not complete keeps what it got; afterwards its mode is all that is known of it.
struct stream {
  int descriptor;
  char mode; // 0 while the opening is being read
  uint16_t have;
  uint8_t *opening;
};

static int listener;

static void finish(struct stream *stream) {
  close(stream->descriptor);
  free(stream->opening);
  free(stream);
}

// The mode when the opening is complete, 0 when more is wanted, -1 when it is none.
static int understand(const uint8_t *bytes, size_t count) {
  size_t start = 0;
  while (count >= start + 5 && bytes[start] == 22) start += 5 + ((size_t)bytes[start + 3] << 8 | bytes[start + 4]);
  if (count < start + COMMAND_SIZE) return 0;
  return bytes[start] == 'L' && bytes[start + 1] == 'D' ? bytes[start + 2] : -1;
}

// False when the stream is over.
static int read_opening(struct stream *stream) {
  if (!stream->opening && !(stream->opening = malloc(OPENING_LIMIT))) fail("memory");
  // Byte for byte no more than the opening could be; what follows in the same read is the first of an echo.
  ssize_t got = recv(stream->descriptor, stream->opening + stream->have, OPENING_LIMIT - stream->have, MSG_DONTWAIT);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  stream->have = (uint16_t)(stream->have + got);
  int mode = understand(stream->opening, stream->have);
  if (mode == 0) return stream->have < OPENING_LIMIT;
  free(stream->opening);
  stream->opening = NULL;
  if (mode < 0) return 0;
  stream->mode = (char)mode;
  if (mode == MODE_ONCE) {
    if (send(stream->descriptor, "!", 1, MSG_NOSIGNAL) != 1) return 0;
    return 0;
  }
  if (mode == MODE_ECHO && send(stream->descriptor, "!", 1, MSG_NOSIGNAL) != 1) return 0;
  return 1;
}

static int echo(struct stream *stream) {
  char bytes[16 << 10];
  ssize_t got = recv(stream->descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
  if (got > 0) return send(stream->descriptor, bytes, (size_t)got, MSG_NOSIGNAL) == got;
  return got < 0 && errno == EAGAIN;
}

static int serve(struct stream *stream, uint32_t events) {
  if (stream->mode == 0 && !read_opening(stream)) return 0;
  if (stream->mode == 0) return 1;
  if (stream->mode == MODE_ECHO) return echo(stream);
  if (events & (EPOLLHUP | EPOLLERR)) return 0;
  if (stream->mode != MODE_POUR || events & EPOLLIN) {
    ssize_t got = 1;
    for (int turn = 0; turn < 8 && got > 0; turn++) got = swallow(stream->descriptor);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return 0;
  }
  if (stream->mode != MODE_SINK) {
    ssize_t put = 1;
    for (int turn = 0; turn < 8 && put > 0; turn++) put = pour(stream->descriptor);
    if (put < 0 && errno != EAGAIN) return 0;
  }
  return 1;
}

static void *run(void *argument) {
  (void)argument;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) fail("watch the listener");
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
        continue;
      }
      char before = stream->mode;
      if (!serve(stream, events[index].events)) {
        finish(stream);
      } else if (before != stream->mode && (stream->mode == MODE_POUR || stream->mode == MODE_BOTH)) {
        event = (struct epoll_event){.events = EPOLLIN | EPOLLOUT, .data.ptr = stream};
        epoll_ctl(epoll, EPOLL_CTL_MOD, stream->descriptor, &event);
      }
    }
  }
  return NULL;
}

void far_end(void) {
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  no_delay(listener); // inherited
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 4096) != 0) fail("listen");
  printf("ready\n");
  fflush(stdout);
  for (int index = 1; index < options.threads; index++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL) != 0) fail("thread");
  }
  run(NULL);
}
