// Both JSON-RPC ends of the broker's benchmark, over Unix sockets and kept-alive HTTP/1.1: callers who wait for each answer before the next
// call, and a service that answers at once. One thread with epoll each, so that they cost little beside what they measure.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char *usage_text =
    "usage: rpc serve SOCKET\n"
    "       rpc call SOCKET METHOD [-n CONNECTIONS] [-c CALLS] [-w WARM_UP_CALLS] [-r PID,PID...]\n"
    "call prints one line of JSON: calls per second, p50 and p99 (µs), CPU per call (µs) and memory (bytes, before and after) of the processes\n";

_Noreturn static void fail(const char *what) {
  fprintf(stderr, "rpc: %s: %s\n", what, strerror(errno));
  exit(1);
}

_Noreturn static void refuse(const char *what, const char *shown) {
  fprintf(stderr, "rpc: %s: %.600s\n", what, shown);
  exit(1);
}

static uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// ---- HTTP messages

enum { LIMIT = 256 << 10 };

struct connection {
  int descriptor;
  size_t used;
  uint64_t start;
  char bytes[LIMIT + 1]; // what has arrived of a message, and a zero behind it
};

static struct connection *opened(int descriptor) {
  struct connection *connection = malloc(sizeof *connection);
  if (!connection) fail("memory");
  connection->descriptor = descriptor;
  connection->used = 0;
  return connection;
}

// The body of the message that has arrived; NULL while it is not whole.
static const char *body(struct connection *connection) {
  connection->bytes[connection->used] = 0;
  char *end = strstr(connection->bytes, "\r\n\r\n");
  if (!end) return NULL;
  char *length = strcasestr(connection->bytes, "content-length:");
  if (!length || length > end) refuse("a message without a length", connection->bytes);
  size_t whole = (size_t)(end + 4 - connection->bytes) + strtoul(length + 15, NULL, 10);
  if (whole > LIMIT) refuse("a message that is too long", connection->bytes);
  return connection->used >= whole ? end + 4 : NULL;
}

// Reads what there is; 0 at the end of the stream.
static int receive(struct connection *connection) {
  ssize_t got = recv(connection->descriptor, connection->bytes + connection->used, LIMIT - connection->used, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
  if (got <= 0) return 0;
  connection->used += (size_t)got;
  return 1;
}

static void deliver(int descriptor, const char *head, const char *text) {
  char message[4096];
  int length = snprintf(message, sizeof message, "%s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", head, strlen(text), text);
  if (length < 0 || (size_t)length >= sizeof message) refuse("a message that is too long", text);
  if (send(descriptor, message, (size_t)length, MSG_NOSIGNAL) != length) fail("send");
}

static int socket_at(const char *path, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address->sun_path) refuse("the path of the socket is too long", path);
  strcpy(address->sun_path, path);
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) fail("socket");
  return descriptor;
}

static void watch(int epoll, int descriptor, void *data) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("watch");
}

// ---- The service

// The id of a request of a node: an address, which ends in a parenthesis.
static void answer(struct connection *connection, const char *request) {
  const char *id = request, *end = NULL;
  while ((id = strstr(id, "\"id\":\""))) {
    id += 6;
    end = strchr(id, '"');
    if (end && end > id && end[-1] == ')') break;
  }
  if (!id || !end) refuse("a request without an id", request);
  char text[1024];
  snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"result\":{\"message\":\"ok\"},\"id\":\"%.*s\"}", (int)(end - id), id);
  deliver(connection->descriptor, "HTTP/1.1 200 OK", text);
  connection->used = 0;
}

static void serve(const char *path) {
  struct sockaddr_un address;
  int listener = socket_at(path, &address), epoll = epoll_create1(EPOLL_CLOEXEC);
  unlink(path);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 512) != 0) fail("listen");
  watch(epoll, listener, NULL);
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, 64, -1);
    for (int index = 0; index < count; index++) {
      struct connection *connection = events[index].data.ptr;
      if (!connection) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (descriptor >= 0) watch(epoll, descriptor, opened(descriptor));
      } else if (!receive(connection)) {
        close(connection->descriptor);
        free(connection);
      } else {
        const char *request = body(connection);
        if (request) answer(connection, request);
      }
    }
  }
}

// ---- The callers

struct options {
  const char *path, *method;
  long connections, calls, warm;
  pid_t watched[16];
  int watched_count;
};

struct usage {
  double cpu; // seconds
  long resident; // bytes
};

static struct usage usage_of(const struct options *options) {
  struct usage sum = {0};
  for (int index = 0; index < options->watched_count; index++) {
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid(options->watched[index], &clock) != 0 || clock_gettime(clock, &time) != 0) fail("CPU clock of a process");
    sum.cpu += (double)time.tv_sec + (double)time.tv_nsec / 1e9;
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/statm", options->watched[index]);
    FILE *file = fopen(name, "r");
    long all, resident;
    if (!file || fscanf(file, "%ld %ld", &all, &resident) != 2) fail("memory of a process");
    fclose(file);
    sum.resident += resident * sysconf(_SC_PAGESIZE);
  }
  return sum;
}

static void ask(struct connection *connection, const struct options *options, long number) {
  char text[1024];
  // As large as a notice of a public proxy.
  snprintf(text, sizeof text,
           "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{\"domain\":\"test.internal-server.local\",\"endpoint\":\"localhost:9999\","
           "\"token\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"},\"id\":\"%ld\"}",
           options->method, number);
  connection->used = 0;
  connection->start = nanoseconds();
  deliver(connection->descriptor, "POST /jsonrpc HTTP/1.1\r\nHost: localhost", text);
}

static int ascending(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return a < b ? -1 : a > b;
}

static void call(const struct options *options) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  uint64_t *samples = calloc((size_t)options->calls, sizeof *samples), began = 0;
  struct usage before = {0};
  if (!samples) fail("memory");
  long asked = 0, answered = -options->warm, all = options->warm + options->calls;
  for (long index = 0; index < options->connections && asked < all; index++) {
    struct sockaddr_un address;
    struct connection *connection = opened(socket_at(options->path, &address));
    if (connect(connection->descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    watch(epoll, connection->descriptor, connection);
    ask(connection, options, asked++);
  }
  while (answered < options->calls) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, 64, 60000);
    if (count == 0) refuse("no answer within a minute", options->path);
    for (int index = 0; index < count && answered < options->calls; index++) {
      struct connection *connection = events[index].data.ptr;
      if (!receive(connection)) refuse("the connection was closed", options->path);
      const char *text = body(connection);
      if (!text) continue;
      if (!strstr(text, "\"result\"")) refuse("not a result", text);
      uint64_t now = nanoseconds();
      if (answered >= 0) samples[answered] = now - connection->start;
      if (++answered == 0) {
        before = usage_of(options);
        began = nanoseconds();
      }
      if (asked < all) ask(connection, options, asked++);
    }
  }
  double seconds = (double)(nanoseconds() - began) / 1e9;
  struct usage after = usage_of(options);
  qsort(samples, (size_t)options->calls, sizeof *samples, ascending);
  printf("{\"per_s\": %.6g, \"p50_us\": %.6g, \"p99_us\": %.6g, \"cpu_us\": %.6g, \"resident_before\": %ld, \"resident_after\": %ld}\n",
         (double)options->calls / seconds, (double)samples[options->calls / 2] / 1e3, (double)samples[options->calls * 99 / 100] / 1e3,
         (after.cpu - before.cpu) * 1e6 / (double)options->calls, before.resident, after.resident);
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  if (count == 3 && !strcmp(words[1], "serve")) serve(words[2]);
  if (count < 4 || strcmp(words[1], "call") != 0) {
    fputs(usage_text, stderr);
    return 64;
  }
  struct options options = {.path = words[2], .method = words[3], .connections = 1, .calls = 1000, .warm = 200};
  optind = 4;
  for (int option; (option = getopt(count, words, "n:c:w:r:")) != -1;) {
    switch (option) {
    case 'n': options.connections = atol(optarg); break;
    case 'c': options.calls = atol(optarg); break;
    case 'w': options.warm = atol(optarg); break;
    case 'r':
      for (char *word = strtok(optarg, ","); word && options.watched_count < 16; word = strtok(NULL, ","))
        options.watched[options.watched_count++] = atoi(word);
      break;
    default: fputs(usage_text, stderr); return 64;
    }
  }
  if (options.connections < 1 || options.calls < 1 || options.warm < 1) {
    fputs(usage_text, stderr);
    return 64;
  }
  call(&options);
  return 0;
}
