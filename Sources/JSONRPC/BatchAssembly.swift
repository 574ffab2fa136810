import HyperModel

/// The answers to a batch while they come in, in whatever order, and the body they make.
struct BatchAssembly {
  private var answers: [[UInt8]?]
  private let limit: Int
  /// What is kept so far, commas and brackets included.
  private var size = 2
  /// What everything together would have had.
  private(set) var wantedSize = 2

  /// - Parameter limit: bytes of the body. What would exceed it is replaced by an error object, which is small.
  init(count: Int, limit: Int) {
    answers = Array(repeating: nil, count: count)
    self.limit = limit
  }

  /// Whether an answer had to be replaced.
  private(set) var isCut = false

  mutating func add(_ answer: RPCAnswer, at position: Int) {
    wantedSize += answer.body.count + 1
    guard size + answer.body.count + 1 > limit else {
      keep(answer.body, at: position)
      return
    }
    isCut = true
    let fault = CallFault(
      code: 507, message: "the request was carried out, but all answers of the batch together are larger than \(limit) bytes")
    keep(RPCAnswer(.fault(fault), id: answer.id).body, at: position)
  }

  private mutating func keep(_ body: [UInt8], at position: Int) {
    answers[position] = body
    size += body.count + 1
  }

  /// Nil when there is nothing to say: all requests were notifications.
  var body: [UInt8]? {
    let given = answers.compactMap(\.self)
    guard !given.isEmpty else { return nil }
    var body: [UInt8] = []
    body.reserveCapacity(size)
    body.append(UInt8(ascii: "["))
    body.append(contentsOf: given.joined(separator: [UInt8(ascii: ",")]))
    body.append(UInt8(ascii: "]"))
    return body
  }
}
