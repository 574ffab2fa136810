import Glibc

/// What we ask the machine about itself.
enum Machine {
  /// Cores that are online, at least 1.
  static var cores: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// How many descriptors this process may have; 0 when nobody can say.
  static var descriptorLimit: Int {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? Int(clamping: min(limit.rlim_cur, UInt(Int32.max))) : 0
  }
}
