import Glibc
import Harness
import Testing

@testable import Operations

/// In processes of their own: the limit is the process's.
@Suite(.ownThreads) struct DescriptorLimitTests {
  @Test func beforeTheLastDescriptorsAreTakenItIsSaid() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 1) {
        try await OwnProcess.limitDescriptors(to: 128)
        #expect(!DescriptorLimit.isNearlyReached)
        var taken: [Int32] = []
        while !DescriptorLimit.isNearlyReached, taken.count < 200 { taken.append(open("/dev/null", O_RDONLY | O_CLOEXEC)) }
        let left = OwnProcess.takeAllDescriptors()
        #expect(left.count == 8, "a sixteenth")
        #expect(DescriptorLimit.isNearlyReached)
        for descriptor in left + taken.suffix(1) { close(descriptor) }
        #expect(!DescriptorLimit.isNearlyReached)
      }
    }
  }

  @Test func theLimitIsRaisedToTheHardLimit() async {
    await #expect(processExitsWith: .success) {
      await OwnProcess.run(minutes: 1) {
        try await OwnProcess.limitDescriptors(to: 128, hard: 256)
        #expect(DescriptorLimit.current == 128)
        DescriptorLimit.raise()
        #expect(DescriptorLimit.current == 256)
        DescriptorLimit.raise()
        #expect(DescriptorLimit.current == 256)
      }
    }
  }
}
