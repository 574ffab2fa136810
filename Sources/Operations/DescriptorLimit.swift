import Glibc

/// The limit on open descriptors of this process (RLIMIT_NOFILE).
public enum DescriptorLimit {
  /// How many there may be now; nil when the system does not say.
  public static var current: Int? { limits.map { Int(clamping: $0.rlim_cur) } }

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
