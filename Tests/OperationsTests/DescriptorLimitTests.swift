import Glibc
import Testing

@testable import Operations

struct DescriptorLimitTests {
  @Test func beforeTheLastDescriptorsAreTakenItIsSaid() async {
    await #expect(processExitsWith: .success) {
      alarm(60)
      var limit = rlimit(rlim_cur: 128, rlim_max: 128)
      #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      #expect(!DescriptorLimit.isNearlyReached)
      var taken: [Int32] = []
      while !DescriptorLimit.isNearlyReached, taken.count < 200 { taken.append(open("/dev/null", O_RDONLY | O_CLOEXEC)) }
      var left: [Int32] = []
      while case let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC), descriptor >= 0 { left.append(descriptor) }
      #expect(left.count == 8, "a sixteenth")
      #expect(DescriptorLimit.isNearlyReached)
      for descriptor in left + taken.suffix(1) { close(descriptor) }
      #expect(!DescriptorLimit.isNearlyReached)
    }
  }

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
