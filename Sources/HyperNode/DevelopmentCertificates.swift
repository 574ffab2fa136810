public import Operations
import Trust

import struct Foundation.Date

/// `hyper certs make`.
public enum DevelopmentCertificates {
  /// Makes what is missing or no longer valid and says what was made and kept, on standard output.
  ///
  /// - Throws: `StartFailure` naming the file that could not be read or written.
  public static func make(certificates: String, records: String) throws(StartFailure) {
    do {
      let report = try DevelopmentCA.make(certificates: certificates, records: records, now: Date())
      print(report.text)
    } catch {
      throw StartFailure(message: error.message, hint: error.hint, status: ExitStatus.failure)
    }
  }
}
