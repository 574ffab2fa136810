import Glibc

/// The limit on open descriptors of this process (RLIMIT_NOFILE).
public enum DescriptorLimit {
  /// How many there may be now; nil when the system does not say.
  public static var current: Int? { limits.map { Int(clamping: $0.rlim_cur) } }

  /// Whether so few descriptors are left that no further connection may have one: a sixteenth of the limit, at most 64, stays for files, lookups and
  /// the threads' own needs. libdispatch ends a process in which it finds none when it looks at its threads.
  ///
  /// For connections to the control plane, which come now and then: it takes a descriptor to see, because the kernel gives the lowest that is free.
  public static var isNearlyReached: Bool {
    let probe = open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard probe >= 0 else { return true }
    close(probe)
    guard let limit = current else { return false }
    return Int(probe) >= limit - min(64, limit / 16)
  }

  /// Raises the limit to the hard limit, once at the start of a program and nowhere else: the usual soft limit of 1024 is less than a
  /// busy server has connections. What cannot be raised stays as it is: the limit is no reason not to run.
  static func raise() {
    guard var limit = limits, limit.rlim_cur < limit.rlim_max else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  private static var limits: rlimit? {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
  }
}
