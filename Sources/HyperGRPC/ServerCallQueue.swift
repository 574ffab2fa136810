/// The requests on their way over one `ServerCall` stream, seen from the server (PROTOCOL.md 7.3).
///
/// Which request may be sent, and which request an answer belongs to. A value without I/O or clock; tickets are the driver's names for
/// requests. With a deployed client one request is out at a time and the next message is its answer, whatever its id; with one that
/// offered concurrency several are out and ids decide.
struct ServerCallQueue {
  typealias Ticket = UInt64

  enum Order: Hashable {
    /// One at a time, the next message is the answer.
    case inOrder
    /// Up to `limit` at a time, matched by id.
    case matched(limit: Int)
  }

  enum Submission: Equatable {
    case send
    case wait
    case refuse(Refusal)
  }

  enum Refusal: Equatable {
    /// So many requests wait already.
    case full(Int)
    /// A request with this id is out or waiting; matching by id would mix them up.
    case duplicate
    /// The stream takes no more requests.
    case retired
  }

  enum Answer: Equatable {
    case answers(Ticket)
    /// The answer to a request whose caller has gone.
    case late
    /// Nothing was asked.
    case unexpected
  }

  enum Withdrawal: Equatable {
    /// The ticket is gone without trace.
    case forgotten
    /// The request is out and the stream answers in order: its place is kept, because the next message belongs to it.
    case placeKept
    case unknown
  }

  private struct Entry {
    var ticket: Ticket
    var id: String
    var isAbandoned = false
  }

  private let order: Order
  private let waitingLimit: Int
  private var waiting: [Entry] = []
  private var out: [Entry] = []
  private(set) var isRetired = false

  init(order: Order, waitingLimit: Int) {
    self.order = order
    self.waitingLimit = waitingLimit
  }

  /// Nothing is out and nothing waits.
  var isEmpty: Bool { out.isEmpty && waiting.isEmpty }

  private var limit: Int {
    switch order {
    case .inOrder: 1
    case .matched(let limit): max(1, limit)
    }
  }

  /// A request came.
  mutating func submitted(_ ticket: Ticket, id: String) -> Submission {
    if isRetired { return .refuse(.retired) }
    if order != .inOrder, out.contains(where: { $0.id == id }) || waiting.contains(where: { $0.id == id }) {
      return .refuse(.duplicate)
    }
    if out.count < limit, waiting.isEmpty {
      out.append(Entry(ticket: ticket, id: id))
      return .send
    }
    guard waiting.count < waitingLimit else { return .refuse(.full(waitingLimit)) }
    waiting.append(Entry(ticket: ticket, id: id))
    return .wait
  }

  /// A message came from the peer.
  mutating func answered(id: String) -> Answer {
    switch order {
    case .inOrder:
      guard !out.isEmpty else { return .unexpected }
      let entry = out.removeFirst()
      return entry.isAbandoned ? .late : .answers(entry.ticket)
    case .matched:
      guard let index = out.firstIndex(where: { $0.id == id }) else { return .unexpected }
      return .answers(out.remove(at: index).ticket)
    }
  }

  /// The caller of a request has gone.
  mutating func withdrawn(_ ticket: Ticket) -> Withdrawal {
    if let index = waiting.firstIndex(where: { $0.ticket == ticket }) {
      waiting.remove(at: index)
      return .forgotten
    }
    guard let index = out.firstIndex(where: { $0.ticket == ticket }) else { return .unknown }
    switch order {
    case .inOrder:
      out[index].isAbandoned = true
      return .placeKept
    case .matched:
      out.remove(at: index)
      return .forgotten
    }
  }

  /// The next request that may be sent now, if any; asked after every answer and withdrawal until it says nil.
  mutating func next() -> Ticket? {
    guard out.count < limit, !waiting.isEmpty else { return nil }
    let entry = waiting.removeFirst()
    out.append(entry)
    return entry.ticket
  }

  /// Whether a withdrawn request still holds its place.
  func keepsPlace(of ticket: Ticket) -> Bool {
    out.contains { $0.ticket == ticket && $0.isAbandoned }
  }

  /// Another stream takes over: what is out may still be answered, what waits is handed back.
  mutating func retired() -> [Ticket] {
    isRetired = true
    defer { waiting = [] }
    return waiting.map(\.ticket)
  }
}
