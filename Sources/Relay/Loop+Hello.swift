import CLinux
import ClientHello
import Glibc

/// A hello of which not everything is there yet.
struct PartialHello {
  var reader: ClientHelloReader
  /// Pieces received so far.
  var segments = 0
}

/// Reading the client's hello: where it is accepted, and where it comes over a leg.
extension Loop {
  func readHello(_ number: UInt32) {
    let slot = slots + Int(number)
    let capacity = scratch.count
    for _ in 0..<Self.fairness {
      guard slot.pointee.downstream.readiness.contains(.readable) else { return }
      let count = hyper_recv(slot.pointee.downstream.descriptor, scratch.baseAddress, capacity)
      if count > 0 {
        if count < capacity, !slot.pointee.downstream.readiness.contains(.endSeen) {
          slot.pointee.downstream.readiness.remove(.readable)
        }
        guard helloArrived(number, UnsafeRawBufferPointer(rebasing: scratch[..<count])) else { return }
      } else if count == 0 {
        return end(number, .helloIncomplete)
      } else if errno == EAGAIN {
        slot.pointee.downstream.readiness.remove(.readable)
        return
      } else if errno != EINTR {
        return end(number, .clientGone)
      }
    }
    serveLater(number)
  }

  /// Takes in a piece of the hello; true when more is wanted.
  @inline(__always)
  private func helloArrived(_ number: UInt32, _ piece: UnsafeRawBufferPointer) -> Bool {
    let slot = slots + Int(number)
    // The first piece is read where it is: mostly it is all, and of a hello that is refused nothing has to be kept.
    guard slot.pointee.up.spill.isEmpty else { return pieceArrived(number, piece, isFirst: false) }
    guard let count = ClientHelloReader.oneRecord(in: piece.bytes, limits: settings.helloLimits) else {
      return pieceArrived(number, piece, isFirst: true)
    }
    do throws(HelloRefusal) {
      var facts = try ClientHelloReader.read(record: piece.bytes.extracting(..<count), names: &names)
      decideAbout(number, &facts, unkept: piece)
    } catch {
      refuse(number, for: error)
    }
    return false
  }

  /// The same where it takes several pieces or records.
  private func pieceArrived(_ number: UInt32, _ piece: UnsafeRawBufferPointer, isFirst: Bool) -> Bool {
    let slot = slots + Int(number)
    guard isFirst || hold(number, piece) else { return false }
    var hello =
      (isFirst ? nil : partialHellos.removeValue(forKey: number)) ?? PartialHello(reader: ClientHelloReader(limits: settings.helloLimits))
    hello.segments += 1
    switch hello.reader.read((isFirst ? piece : slot.pointee.up.spill.bytes).bytes, names: &names) {
    case .needMore:
      guard !isFirst || hold(number, piece) else { return false }
      partialHellos[number] = hello
      return true
    case .hello(var facts):
      facts.segmentCount = hello.segments
      decideAbout(number, &facts, unkept: isFirst ? piece : nil)
    case .refused(let refusal):
      refuse(number, for: refusal)
    }
    return false
  }

  private func refuse(_ number: UInt32, for refusal: HelloRefusal) {
    counters.add(to: .hellosRefused)
    refuse(number, with: refusal.alert, cause: refusal.alert == nil ? .notTLS : .malformedHello, detail: refusal.reason.rawValue)
  }

  /// Keeps a piece of a hello that is not on its way to its destination yet, and counts it against the budgets; false when the stream had to be ended
  /// instead.
  private func hold(_ number: UInt32, _ piece: UnsafeRawBufferPointer) -> Bool {
    let slot = slots + Int(number)
    if let full = commons.admitHello(bytes: piece.count, bucket: slot.pointee.helloBucket) {
      refuse(number, for: full)
      return false
    }
    slot.pointee.helloHeld += UInt32(piece.count)
    return keep(number, piece)
  }

  /// Keeps a piece for the server; false when the stream had to be ended instead.
  private func keep(_ number: UInt32, _ piece: UnsafeRawBufferPointer) -> Bool {
    if slots[Int(number)].up.spill.append(piece) { return true }
    refuse(number, with: .internalError, cause: .system, detail: "no memory for a hello")
    return false
  }

  /// The hello is complete: the control plane says where to.
  ///
  /// - Parameters:
  ///   - facts: of no use afterwards.
  ///   - unkept: what has to be kept of it if it goes anywhere.
  private func decideAbout(_ number: UInt32, _ facts: inout ClientHelloFacts, unkept: UnsafeRawBufferPointer?) {
    counters.add(to: .hellosRead)
    let slot = slots + Int(number)
    let shape = HelloShape(facts)
    slot.pointee.hello = shape
    counters.count(shape)
    // A reset that came in one event with the last of the hello is not reported again.
    guard !slot.pointee.downstream.readiness.contains(.failed) else {
      slot.pointee.serverName = slot.pointee.serverName ?? facts.serverName
      return end(number, .clientGone)
    }
    guard facts.serverName != nil else { return refuse(number, with: .missingExtension, cause: .noServerName) }
    if slot.pointee.isOrdered, let promised = slot.pointee.serverName, promised != facts.serverName {
      return refuse(number, with: .accessDenied, cause: .policy, detail: "the hello asks for \(facts.serverName ?? "")")
    }
    // The slot gets the name when the decision is known: who is refused has no other use for it.
    switch settings.decide?(facts) {
    case .refuse(let alert, let cause):
      slot.pointee.serverName = facts.serverName.take()
      return refuse(number, with: alert, cause: cause)
    case .route(let target):
      let full = admitName(number, facts)
      slot.pointee.serverName = facts.serverName.take()
      if let full { return refuse(number, for: full) }
      if unkept.map({ hold(number, $0) }) ?? true { startRoute(number, to: target) }
      return
    case .ask, nil:
      if let full = admitName(number, facts) ?? commons.admitWaiting(slot.pointee.waitingBuckets) {
        slot.pointee.serverName = facts.serverName.take()
        return refuse(number, for: full)
      }
    }
    slot.pointee.serverName = facts.serverName
    slot.pointee.phase = .deciding
    guard unkept.map({ hold(number, $0) }) ?? true else { return }
    slot.pointee.isKnown = true
    schedule(number, after: settings.tokenWait)
    let client = SocketAddressText(slot.pointee.client) ?? SocketAddressText(host: "unknown", port: 0)
    tell(.helloArrived(identifier(of: number), facts, client: client))
  }

  /// Counts a client for its name, which leads somewhere. What comes over a leg was counted on the public side.
  @inline(__always)
  private func admitName(_ number: UInt32, _ facts: borrowing ClientHelloFacts) -> RelayLimit? {
    let slot = slots + Int(number)
    guard !slot.pointee.isOrdered, let name = facts.serverName else { return nil }
    let bucket = commons.bucket(of: name)
    if let full = commons.admitName(bucket, now: clock) { return full }
    slot.pointee.nameBucket = bucket
    slot.pointee.isOfName = true
    return nil
  }
}
