// Shows the thread sanitizer the lock of Swift's Synchronization.Mutex.
//
// A mutex that is not free is taken, and one that somebody waits for is released, inside a library that is not instrumented. The sanitizer
// misses both, and takes what the mutex protects, or hands from one thread to another, for a race: a program of ten lines with one mutex
// and two threads shows it. These functions stand in front of the library's own, call them, and say what they did. Linked into
// the tests by tools/sanitize.sh; never into a program. To be removed once that library is instrumented.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

extern void __tsan_acquire(void *);
extern void __tsan_release(void *);

SWIFT void lock(uint32_t state, SELF) __asm__(LOCK);
SWIFT void lock(uint32_t state, SELF) {
  SWIFT void (*real)(uint32_t, SELF) = (SWIFT void (*)(uint32_t, SELF))dlsym(RTLD_NEXT, LOCK);
  real(state, self);
  __tsan_acquire(self);
}

SWIFT void unlock(SELF) __asm__(UNLOCK);
SWIFT void unlock(SELF) {
  SWIFT void (*real)(SELF) = (SWIFT void (*)(SELF))dlsym(RTLD_NEXT, UNLOCK);
  __tsan_release(self);
  real(self);
}
