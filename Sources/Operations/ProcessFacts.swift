import Glibc

/// What the kernel says about this process, under the names Prometheus' own clients use.
public enum ProcessFacts {
  /// The samples that could be read; one that cannot is left out.
  public static func samples() -> [Sample] {
    var samples: [Sample] = []
    func add(_ name: String, _ help: String, _ kind: Sample.Kind, _ value: Double?) {
      guard let value else { return }
      samples.append(Sample(name: name, help: help, kind: kind, value: value))
    }
    let status = statFields()
    add("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", .counter, cpuSeconds(status))
    add("process_resident_memory_bytes", "Resident memory size in bytes.", .gauge, residentBytes(status))
    add("process_virtual_memory_bytes", "Virtual memory size in bytes.", .gauge, field(status, 22))
    add("process_open_fds", "Number of open file descriptors.", .gauge, openDescriptors())
    add("process_max_fds", "Maximum number of open file descriptors.", .gauge, DescriptorLimit.current.map(Double.init))
    add("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", .gauge, startTime(status))
    add("process_threads", "Number of threads of the process.", .gauge, field(status, 19))
    return samples
  }

  // Positions are those of proc(5), /proc/pid/stat, counted from 0 for the process number. The name of the program may hold
  // spaces and parentheses, so counting begins behind the last one.
  private static func statFields() -> [Substring] {
    guard let text = content(of: "/proc/self/stat"), let end = text.lastIndex(of: ")") else { return [] }
    return ["", ""] + text[text.index(after: end)...].split(separator: " ")
  }

  private static func field(_ fields: [Substring], _ position: Int) -> Double? {
    fields.indices.contains(position) ? Double(fields[position]) : nil
  }

  private static func cpuSeconds(_ fields: [Substring]) -> Double? {
    guard let user = field(fields, 13), let system = field(fields, 14) else { return nil }
    return (user + system) / ticksPerSecond
  }

  private static func residentBytes(_ fields: [Substring]) -> Double? {
    field(fields, 23).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) }
  }

  private static func startTime(_ fields: [Substring]) -> Double? {
    guard let ticks = field(fields, 21), let text = content(of: "/proc/stat") else { return nil }
    let boot = text.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
    return boot.map { $0 + ticks / ticksPerSecond }
  }

  private static var ticksPerSecond: Double { Double(max(1, sysconf(Int32(_SC_CLK_TCK)))) }

  private static func openDescriptors() -> Double? {
    guard let folder = opendir("/proc/self/fd") else { return nil }
    defer { _ = closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    // Without the two entries of every folder and the descriptor that reads this one.
    return Double(count - 3)
  }

  /// Files of /proc have no size; the ones read here are a few kilobytes, one line per CPU for /proc/stat.
  private static func content(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { _ = close(descriptor) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while text.count < 1 << 20 {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      text += buffer[..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }
}
