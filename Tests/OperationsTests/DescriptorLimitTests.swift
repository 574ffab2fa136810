import Glibc
import Testing

@testable import Operations

struct DescriptorLimitTests {
  @Test func theLimitIsRaisedToTheHardLimit() async {
    // In a process of its own: the limit is the process's.
    await #expect(processExitsWith: .success) {
      alarm(60)
      var limit = rlimit(rlim_cur: 128, rlim_max: 256)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      #expect(DescriptorLimit.current == 128)
      DescriptorLimit.raise()
      #expect(DescriptorLimit.current == 256)
      DescriptorLimit.raise()
      #expect(DescriptorLimit.current == 256)
    }
  }
}
