#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load.h"

static const char *usage_text =
    "usage: load WHAT -p PORT [options]\n"
    "  far            the server behind the relay\n"
    "  up|down|both   bulk on -n streams for -s seconds: GiB per second, CPU seconds per GiB\n"
    "  trips          -c round trips of -b bytes: microseconds (p50, p99), CPU per round trip\n"
    "  first          -c fresh streams, one after the other: connect to first byte\n"
    "  new            streams opened and closed, -n at a time, for -s seconds\n"
    "  refusals       -c connections that are turned away, one after the other: CPU each, bytes that come back\n"
    "  idle           -n streams that say nothing for -s seconds: memory per stream, CPU\n"
    "options: -h NAME (begin with a TLS hello for it), -w SECONDS (warm-up; 0: none), -t THREADS (far), -z (send without a copy),\n"
    "  -g CONGESTION_CONTROL, -r PID,PID... (the relay's processes, whose CPU and memory are reported)\n";

int main(int count, char **words) {
  if (count < 2) {
    fputs(usage_text, stderr);
    return 64;
  }
  const char *what = words[1];
  optind = 2;
  for (int option; (option = getopt(count, words, "p:h:n:c:b:s:w:t:g:r:z")) != -1;) {
    switch (option) {
    case 'p': options.port = atoi(optarg); break;
    case 'h': options.name = strlen(optarg) <= 128 ? optarg : NULL; break;
    case 'n': options.streams = atoi(optarg); break;
    case 'c': options.count = atoi(optarg); break;
    case 'b': options.size = atoi(optarg); break;
    case 's': options.seconds = atof(optarg); break;
    case 'w': options.warm = atof(optarg); break;
    case 't': options.threads = atoi(optarg); break;
    case 'g': options.congestion = optarg; break;
    case 'z': options.copyless = 1; break;
    case 'r':
      for (char *word = strtok(optarg, ","); word && options.watched_count < 16; word = strtok(NULL, ","))
        options.watched[options.watched_count++] = atoi(word);
      break;
    default: fputs(usage_text, stderr); return 64;
    }
  }
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  signal(SIGPIPE, SIG_IGN);
  int isSane = options.port > 0 && options.streams > 0 && options.count > 0 && options.size > 0;
  if (!isSane) fputs(usage_text, stderr);
  else if (!strcmp(what, "far")) far_end();
  else if (!strcmp(what, "up") || !strcmp(what, "down") || !strcmp(what, "both")) bulk(what[0]);
  else if (!strcmp(what, "trips")) round_trips();
  else if (!strcmp(what, "first")) first_bytes();
  else if (!strcmp(what, "new")) new_streams();
  else if (!strcmp(what, "refusals")) refusals();
  else if (!strcmp(what, "idle")) idle();
  else isSane = 0, fputs(usage_text, stderr);
  return isSane ? 0 : 64;
}
