// One client's stream. It checks what it gets; `outcome` says how it ended: ok, or what was wrong, in one word with its detail.
#define _GNU_SOURCE
#include "chaos.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };

void client_end(struct client *client, const char *outcome) {
  if (client->phase == OVER) return;
  if (client->descriptor >= 0) close(client->descriptor);
  client->descriptor = -1;
  client->phase = OVER;
  snprintf(client->outcome, sizeof client->outcome, "%s", outcome);
}

int client_is_ok(const struct client *client) { return client->phase == OVER && strcmp(client->outcome, "ok") == 0; }

void client_report(const struct client *client, const char *kind) {
  printf("%s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", kind, client->outcome, client->begin, client->established,
         nanoseconds(), client->mode == MODE_UP ? client->sent : client->received);
  fflush(stdout);
}

static void broken(struct client *client, int code) {
  if (code == ECONNREFUSED) client_end(client, "refused");
  else if (code == ECONNRESET || code == EPIPE) client_end(client, "reset");
  else {
    char text[48];
    snprintf(text, sizeof text, "error-%d", code);
    client_end(client, text);
  }
}

static void watch(struct client *client, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = client};
  if (epoll_ctl(client->epoll, EPOLL_CTL_MOD, client->descriptor, &event) != 0) fail("watch");
}

void client_begin(struct client *client, int epoll, enum mode mode, uint64_t seed, uint64_t length) {
  uint64_t now = nanoseconds();
  *client = (struct client){.epoll = epoll, .mode = mode, .seed = seed, .length = length, .begin = now, .moved_at = now};
  client->descriptor = dial();
  if (client->descriptor < 0) return broken(client, errno);
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, client->descriptor, &event) != 0) fail("watch");
}

static void send_opening(struct client *client) {
  int code = 0;
  socklen_t length = sizeof code;
  getsockopt(client->descriptor, SOL_SOCKET, SO_ERROR, &code, &length);
  if (code != 0) return broken(client, code);
  uint8_t bytes[OPENING_SIZE];
  make_opening(bytes, client->mode, client->seed, client->length);
  ssize_t put = send(client->descriptor, bytes, sizeof bytes, MSG_NOSIGNAL);
  if (put < 0) return broken(client, errno);
  if (put != sizeof bytes) return client_end(client, "opening-does-not-fit");
  client->phase = MARKING;
  watch(client, EPOLLIN);
}

static void send_end(struct client *client) {
  if (client->has_sent_end) return;
  client->has_sent_end = 1;
  shutdown(client->descriptor, SHUT_WR);
}

// The other side ended the stream. What came instead of a mark may be a TLS alert (RFC 8446 6): the proxy refused us and says why.
static void ended(struct client *client) {
  char text[48];
  int isAlert = client->phase == MARKING && client->had == 7 && client->bytes[0] == 21;
  snprintf(text, sizeof text, "alert-%d", client->bytes[6]);
  client_end(client, isAlert ? text : client->phase == MARKING ? "closed" : "short");
}

// Up to `wanted` bytes into client->bytes; true when they are all there.
static int gather(struct client *client, size_t wanted) {
  ssize_t got = recv(client->descriptor, client->bytes + client->had, wanted - client->had, MSG_DONTWAIT);
  if (got == 0) return ended(client), 0;
  if (got < 0) return errno == EAGAIN ? 0 : (broken(client, errno), 0);
  client->had += (uint32_t)got;
  client->moved_at = nanoseconds();
  return client->had == wanted;
}

static void read_mark(struct client *client) {
  uint64_t mark = mark_of(client->seed);
  if (!gather(client, sizeof mark)) return;
  if (memcmp(client->bytes, &mark, sizeof mark) != 0) return client_end(client, "wrong-mark");
  client->had = 0;
  client->phase = RUNNING;
  client->established = nanoseconds();
  if (client->mode == MODE_ONCE && client->seed % 2 == 1) send_end(client);
  // A download is read when it is allowed to; until then only errors wake us.
  if (client->mode == MODE_DOWN) watch(client, 0);
}

// Nothing more may come, and the end has to.
static void read_end(struct client *client) {
  uint8_t byte;
  ssize_t got = recv(client->descriptor, &byte, 1, MSG_DONTWAIT);
  if (got == 0) client_end(client, "ok");
  else if (got > 0) client_end(client, "wrong-surplus");
  else if (errno != EAGAIN) broken(client, errno);
}

static void read_echo(struct client *client) {
  uint64_t expected = mixed(client->seed + client->sent);
  if (!gather(client, sizeof expected)) return;
  if (!client->echo_waits || memcmp(client->bytes, &expected, sizeof expected) != 0) return client_end(client, "wrong-echo");
  client->had = 0;
  client->echo_waits = 0;
  client->received += sizeof expected;
}

static void read_verdict(struct client *client) {
  struct verdict verdict;
  if (client->had < sizeof verdict && !gather(client, sizeof verdict)) return;
  memcpy(&verdict, client->bytes, sizeof verdict);
  // An end that the server took for ours, before everything had come.
  if (verdict.received != client->length) return client_end(client, "wrong-length");
  if (verdict.first_wrong != UINT64_MAX) return client_end(client, "wrong-byte");
  read_end(client);
}

static void read_download(struct client *client) {
  static uint8_t bytes[PIECE];
  while (client->allowance > 0 || client->received == client->length) {
    if (client->received == client->length) return read_end(client);
    uint64_t left = client->length - client->received, most = left < client->allowance ? left : client->allowance;
    ssize_t got = recv(client->descriptor, bytes, most < PIECE ? most : PIECE, MSG_DONTWAIT);
    if (got == 0) return ended(client);
    if (got < 0) {
      if (errno != EAGAIN) broken(client, errno);
      return;
    }
    uint64_t wrong = first_wrong(bytes, (size_t)got, client->seed, client->received);
    if (wrong != UINT64_MAX) {
      char text[48];
      snprintf(text, sizeof text, "wrong-at-%" PRIu64, wrong);
      return client_end(client, text);
    }
    client->received += (uint64_t)got;
    client->allowance -= (uint64_t)got;
    client->moved_at = nanoseconds();
  }
}

static void write_upload(struct client *client) {
  static uint8_t bytes[PIECE];
  while (client->allowance > 0 && client->sent < client->length) {
    uint64_t left = client->length - client->sent, most = left < client->allowance ? left : client->allowance;
    size_t count = most < PIECE ? most : PIECE;
    fill_pattern(bytes, count, client->seed, client->sent);
    ssize_t put = send(client->descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0) {
      if (errno != EAGAIN) broken(client, errno);
      return;
    }
    client->sent += (uint64_t)put;
    client->allowance -= (uint64_t)put;
    client->moved_at = nanoseconds();
  }
  if (client->sent == client->length) send_end(client);
}

void client_events(struct client *client, uint32_t events) {
  if (client->phase == OVER) return;
  if (client->phase == DIALLING) return send_opening(client);
  if (client->phase == MARKING) return read_mark(client);
  switch (client->mode) {
  case MODE_ONCE: return read_end(client);
  case MODE_ECHO: return read_echo(client);
  case MODE_UP: return read_verdict(client);
  case MODE_DOWN:
    // What came before the error is read first.
    if (events & (EPOLLERR | EPOLLHUP)) {
      client->allowance = UINT64_MAX;
      read_download(client);
    }
  }
}

void client_allow(struct client *client, uint64_t bytes) {
  if (client->phase != RUNNING) return;
  if (client->mode == MODE_ECHO) {
    if (client->echo_waits) return;
    client->sent += sizeof(uint64_t);
    uint64_t value = mixed(client->seed + client->sent);
    client->echo_waits = 1;
    client->moved_at = nanoseconds();
    if (send(client->descriptor, &value, sizeof value, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof value) broken(client, errno);
    return;
  }
  // What was not used up is not saved up, but for one tick.
  client->allowance = client->allowance > bytes ? 2 * bytes : client->allowance + bytes;
  if (client->mode == MODE_UP) write_upload(client);
  else if (client->mode == MODE_DOWN) read_download(client);
}
