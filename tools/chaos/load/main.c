#include "chaos.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *usage_text =
    "usage: load WHAT -p PORT [options]\n"
    "  far      the server behind the private proxy\n"
    "  steady   new streams (-r a second), -n idle ones, -u uploads and -d downloads of -b bytes at -w bytes a second, until standard input ends\n"
    "  storm    -r clients a second for -s seconds, of which many behave badly\n"
    "  idle     -n idle streams until standard input ends\n"
    "  soak     -c streams, -n at a time, at most -r a second\n"
    "options: -h NAME (server name of the hellos), -e SEED\n";

struct options options = {.name = "", .streams = 0, .rate = 0, .seconds = 10, .count = 1000, .size = 4 << 20, .pace = 1 << 20, .seed = 1};

int main(int count, char **words) {
  static const struct {
    const char *name;
    int (*run)(void);
  } scenarios[] = {{"far", far_end}, {"steady", steady}, {"storm", storm}, {"idle", idle}, {"soak", soak}};
  const char *what = count > 1 ? words[1] : "";
  optind = 2;
  for (int option; count > 1 && (option = getopt(count, words, "p:h:r:n:u:d:b:w:s:c:e:")) != -1;) {
    switch (option) {
    case 'p': options.port = atoi(optarg); break;
    case 'h': options.name = strlen(optarg) <= 128 ? optarg : ""; break;
    case 'r': options.rate = atof(optarg); break;
    case 'n': options.streams = atoi(optarg); break;
    case 'u': options.ups = atoi(optarg); break;
    case 'd': options.downs = atoi(optarg); break;
    case 'b': options.size = strtoull(optarg, NULL, 10); break;
    case 'w': options.pace = strtoull(optarg, NULL, 10); break;
    case 's': options.seconds = atof(optarg); break;
    case 'c': options.count = strtoull(optarg, NULL, 10); break;
    case 'e': options.seed = (unsigned)atoi(optarg); break;
    default: fputs(usage_text, stderr); return 64;
    }
  }
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  signal(SIGPIPE, SIG_IGN);
  if (strcmp(what, "steady") == 0) fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
  for (size_t index = 0; options.port > 0 && index < sizeof scenarios / sizeof *scenarios; index++)
    if (strcmp(what, scenarios[index].name) == 0) return scenarios[index].run();
  fputs(usage_text, stderr);
  return 64;
}
