import Domain
import Glibc

/// Finds the end of one request in a spool's folder, for gateways without a control plane. Reads only segments that were written after the request came.
struct SpoolSearch {
    struct Found {
        var final: SpoolFinal
        var origin: SpoolOrigin
    }

    /// An answer may take minutes, in which its stream begins other segments.
    private static let mostBytes = 256 << 20

    let directory: String
    let gateway: String

    /// Nil: it has no end yet, was never admitted, or its segment is gone.
    func end(of request: RequestId) throws(MeterError) -> Found? {
        var left = Self.mostBytes
        for name in try names(since: request.milliseconds / 1000) where left > 0 {
            let contents = try SegmentContents.read("\(directory)/\(name.file)")
            left -= contents.bytes.count
            if let final = end(of: request, in: contents) { return Found(final: final, origin: SpoolOrigin(gateway: gateway, boot: name.boot)) }
        }
        return nil
    }

    /// The oldest first: the request is most likely in the first one of its stream.
    private func names(since second: Int64) throws(MeterError) -> [SpoolName] {
        var found: [(name: SpoolName, written: Int)] = []
        for name in try SpoolName.list(directory) {
            var status = stat()
            guard stat("\(directory)/\(name.file)", &status) == 0, status.st_mtim.tv_sec >= second else { continue }
            found.append((name, status.st_mtim.tv_sec))
        }
        return found.sorted { $0.written < $1.written }.map(\.name)
    }

    private func end(of request: RequestId, in contents: SegmentContents) -> SpoolFinal? {
        var found: SpoolFinal?
        _ = contents.survey { payload in
            guard SpoolFinal.isEnd(payload, of: request), case .final(let final) = SpoolRecord(payload) else { return }
            found = final
        }
        return found
    }
}

extension SpoolFinal {
    /// Without reading all of it.
    static func isEnd(_ payload: UnsafeRawBufferPointer, of request: RequestId) -> Bool {
        var reader = FieldReader(payload)
        return reader.take(UInt8.self) == SpoolFormat.Kind.final.rawValue && reader.take(Int64.self) != nil
            && reader.take(UInt64.self) == request.high && reader.take(UInt64.self) == request.low
    }
}
