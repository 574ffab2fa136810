#define _GNU_SOURCE
#include "chaos.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void fail(const char *what) {
  fprintf(stderr, "chaos load: %s: %s\n", what, strerror(errno));
  exit(1);
}

// The output function of splitmix64 (Steele, Lea, Flood 2014): neighbours have nothing in common.
uint64_t mixed(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

uint64_t mark_of(uint64_t seed) { return mixed(~seed); }

// Byte `offset` of the pattern of a seed depends on nothing else, so that a lost, doubled or foreign byte shows where it is.
static uint64_t word(uint64_t seed, uint64_t offset) { return mixed(seed * 0x2545f4914f6cdd1d + offset / 8); }

void fill_pattern(uint8_t *out, size_t count, uint64_t seed, uint64_t offset) {
  while (count > 0) {
    uint64_t value = word(seed, offset);
    size_t skip = offset % 8, take = 8 - skip < count ? 8 - skip : count;
    memcpy(out, (uint8_t *)&value + skip, take);
    out += take, offset += take, count -= take;
  }
}

uint64_t first_wrong(const uint8_t *bytes, size_t count, uint64_t seed, uint64_t offset) {
  while (count > 0) {
    uint64_t value = word(seed, offset);
    size_t skip = offset % 8, take = 8 - skip < count ? 8 - skip : count;
    for (size_t index = 0; index < take; index++)
      if (bytes[index] != ((uint8_t *)&value)[skip + index]) return offset + index;
    bytes += take, offset += take, count -= take;
  }
  return UINT64_MAX;
}

static uint8_t *number(uint8_t *at, size_t value) {
  *at++ = (uint8_t)(value >> 8);
  *at++ = (uint8_t)value;
  return at;
}

// A ClientHello (RFC 8446 4.1.2) in one record: server name, versions, groups, a key share, padding up to HELLO_SIZE.
static void make_hello(uint8_t *out, uint64_t seed) {
  static const uint8_t fixed[] = {
      0, 43, 0, 3, 2, 3, 4, 0, 10, 0, 4, 0, 2, 0, 0x1d, 0, 13, 0, 4, 0, 2, 4, 3, 0, 51, 0, 38, 0, 36, 0, 0x1d, 0, 32,
  };
  size_t length = strlen(options.name);
  uint8_t *at = out;
  *at++ = 22, *at++ = 3, *at++ = 1;
  at = number(at, HELLO_SIZE - 5);
  *at++ = 1, *at++ = 0;
  at = number(at, HELLO_SIZE - 9);
  *at++ = 3, *at++ = 3;
  fill_pattern(at, 32, seed, 0), at += 32;
  *at++ = 0;
  at = number(at, 2), *at++ = 0x13, *at++ = 1;
  *at++ = 1, *at++ = 0;
  at = number(at, (size_t)(out + HELLO_SIZE - at - 2));
  at = number(at, 0), at = number(at, length + 5), at = number(at, length + 3);
  *at++ = 0;
  at = number(at, length);
  memcpy(at, options.name, length), at += length;
  memcpy(at, fixed, sizeof fixed), at += sizeof fixed;
  memset(at, 0x77, 32), at += 32;
  size_t padding = (size_t)(out + HELLO_SIZE - at - 4);
  at = number(at, 21), at = number(at, padding);
  memset(at, 0, padding);
}

void make_opening(uint8_t *out, enum mode mode, uint64_t seed, uint64_t length) {
  make_hello(out, seed);
  struct command command = {.mode = (uint64_t)mode, .seed = seed, .length = length};
  memcpy(command.magic, MAGIC, sizeof command.magic);
  memcpy(out + HELLO_SIZE, &command, sizeof command);
}

int dial(void) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) fail("socket");
  int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (connect(descriptor, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS) return descriptor;
  int code = errno;
  close(descriptor);
  errno = code;
  return -1;
}
