import Domain
import Testing

@testable import Gateway

/// What must hold of a spool after every test, whatever went wrong in it (docs/failures.md): each admitted request has exactly one end (I1), and
/// nothing stands in two ends (I3).
enum Invariants {
    private struct Place: Hashable {
        var boot: String
        var sequence: Int64
    }

    static func check(spool directory: String) throws {
        var admitted: [Place: RequestId] = [:]
        var ended: [Place: SpoolFinal] = [:]
        var ids: [RequestId: Place] = [:]
        for name in try SpoolName.list(directory) {
            for record in try SegmentContents.read("\(directory)/\(name.file)").records {
                switch record {
                case .segment: continue
                case .admission(let admission):
                    admitted[Place(boot: name.boot, sequence: admission.sequence)] = admission.requestId
                case .final(let final):
                    let place = Place(boot: name.boot, sequence: final.sequence)
                    // After a failed sync the same record may stand in two segments.
                    #expect(ended[place] == nil || ended[place] == final, "I3: \(final.requestId) ended twice, and differently")
                    #expect(ids[final.requestId] == nil || ids[final.requestId] == place, "I3: \(final.requestId) stands in two ends")
                    ended[place] = final
                    ids[final.requestId] = place
                }
            }
        }
        for (place, id) in admitted { #expect(ended[place]?.requestId == id, "I1: \(id) was admitted and has no end") }
        #expect(ended.count == admitted.count, "I1: \(ended.count) ends of \(admitted.count) admitted requests")
    }
}
