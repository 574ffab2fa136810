#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

struct options options = {.streams = 1, .count = 1000, .size = 64, .threads = 1, .warm = 0.3, .seconds = 2};

uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

void no_delay(int descriptor) {
  int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (options.congestion && setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, options.congestion, strlen(options.congestion)))
    fail(options.congestion);
}

int dial(int nonblocking) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
  if (descriptor < 0) fail("socket");
  no_delay(descriptor);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (connect(descriptor, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS) return descriptor;
  int code = errno;
  close(descriptor);
  errno = code;
  return -1;
}

int read_fully(int descriptor, void *bytes, size_t count) {
  for (size_t done = 0; done < count;) {
    ssize_t got = recv(descriptor, (char *)bytes + done, count - done, MSG_WAITALL);
    if (got == 0) errno = ECONNRESET;
    if (got > 0) done += (size_t)got;
    else if (got == 0 || errno != EINTR) return -1;
  }
  return 0;
}

int write_fully(int descriptor, const void *bytes, size_t count) {
  for (size_t done = 0; done < count;) {
    ssize_t put = send(descriptor, (const char *)bytes + done, count - done, MSG_NOSIGNAL);
    if (put > 0) done += (size_t)put;
    else if (errno != EINTR) return -1;
  }
  return 0;
}

ssize_t pour(int descriptor) {
  static char zeroes[PIECE];
  if (!options.copyless) return send(descriptor, zeroes, PIECE, MSG_NOSIGNAL | MSG_DONTWAIT);
  static int file = -1;
  if (file < 0) {
    int fresh = memfd_create("load", MFD_CLOEXEC);
    if (fresh < 0 || write(fresh, zeroes, PIECE) != PIECE) fail("memory file");
    file = fresh;
  }
  off_t start = 0;
  return sendfile(descriptor, file, &start, PIECE);
}

ssize_t swallow(int descriptor) { return recv(descriptor, NULL, 4 * PIECE, MSG_TRUNC | MSG_DONTWAIT); }

static uint8_t *number(uint8_t *at, size_t value) {
  *at++ = (uint8_t)(value >> 8);
  *at++ = (uint8_t)value;
  return at;
}

// A ClientHello as a browser might send it (RFC 8446 4.1.2) in one record of 517 bytes.
static size_t hello(uint8_t *out) {
  static const uint8_t suites[] = {0x13, 1, 0x13, 2, 0x13, 3, 0xc0, 0x2b, 0xc0, 0x2f, 0xcc, 0xa9, 0xcc, 0xa8};
  static const uint8_t fixed[] = {
      0, 10, 0, 4, 0, 2, 0, 0x1d, // groups
      0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1, // signature algorithms
      0, 16, 0, 14, 0, 12, 2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1', // protocols
      0, 43, 0, 5, 4, 3, 4, 3, 3, // versions
      0, 45, 0, 2, 1, 1, // ways to use a pre-shared key
      0, 51, 0, 38, 0, 36, 0, 0x1d, 0, 32, // a key share, whose 32 bytes follow
  };
  enum { TOTAL = 517 };
  size_t length = strlen(options.name);
  uint8_t *at = out;
  *at++ = 22, *at++ = 3, *at++ = 1;
  at = number(at, TOTAL - 5);
  *at++ = 1, *at++ = 0;
  at = number(at, TOTAL - 9);
  *at++ = 3, *at++ = 3;
  memset(at, 0x5a, 32), at += 32;
  *at++ = 32;
  memset(at, 0xa5, 32), at += 32;
  at = number(at, sizeof suites);
  memcpy(at, suites, sizeof suites), at += sizeof suites;
  *at++ = 1, *at++ = 0;
  at = number(at, (size_t)(out + TOTAL - at - 2));
  at = number(at, 0), at = number(at, length + 5), at = number(at, length + 3);
  *at++ = 0;
  at = number(at, length);
  memcpy(at, options.name, length), at += length;
  memcpy(at, fixed, sizeof fixed), at += sizeof fixed;
  memset(at, 0x77, 32), at += 32;
  size_t padding = (size_t)(out + TOTAL - at - 4);
  at = number(at, 21), at = number(at, padding);
  memset(at, 0, padding);
  return TOTAL;
}

size_t opening(uint8_t *out, enum mode mode) {
  size_t count = options.name ? hello(out) : 0;
  const uint8_t command[COMMAND_SIZE] = {'L', 'D', (uint8_t)mode};
  memcpy(out + count, command, COMMAND_SIZE);
  return count + COMMAND_SIZE;
}

struct usage usage_of_watched(void) {
  struct usage sum = {0};
  for (int index = 0; index < options.watched_count; index++) {
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(options.watched[index], &clock) != 0 || clock_gettime(clock, &used) != 0) {
      fprintf(stderr, "load: process %d is gone\n", (int)options.watched[index]);
      exit(1);
    }
    sum.cpu += (double)used.tv_sec + (double)used.tv_nsec / 1e9;
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)options.watched[index]);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
      long kilobytes;
      if (sscanf(line, "VmRSS: %ld", &kilobytes) == 1) sum.resident += kilobytes * 1024;
      if (sscanf(line, "RssAnon: %ld", &kilobytes) == 1) sum.anonymous += kilobytes * 1024;
    }
    if (file) fclose(file);
  }
  return sum;
}

static int ascending(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

struct percentiles percentiles(uint64_t *samples, size_t count) {
  qsort(samples, count, sizeof *samples, ascending);
  return (struct percentiles){(double)samples[count / 2] / 1e3, (double)samples[count * 99 / 100] / 1e3};
}
