import Foundation

/// A certificate request as any host could make it, with OpenSSL's own program.
package enum CertificateRequestFile {
    package static func make(in folder: String) async throws -> String {
        let name = folder + "/probe-" + UUID().uuidString
        let child = try ChildProcess(
            "/usr/bin/openssl",
            [
                "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=probe", "-keyout", name + ".key",
                "-out", name + ".csr",
            ])
        try await child.ended(within: .seconds(10))
        return try String(contentsOfFile: name + ".csr", encoding: .utf8)
    }
}
