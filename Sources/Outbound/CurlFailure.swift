import CLibcurl

/// libcurl's results as errors of this module.
enum CurlFailure {
    private static let codes: [UInt32: OutboundError.Code] = [
        CURLE_UNSUPPORTED_PROTOCOL.rawValue: .protocolViolation,
        CURLE_URL_MALFORMAT.rawValue: .invalidRequest,
        CURLE_SSL_CERTPROBLEM.rawValue: .invalidRequest,
        CURLE_SSL_CACERT_BADFILE.rawValue: .invalidRequest,
        CURLE_COULDNT_RESOLVE_HOST.rawValue: .nameLookupFailed,
        CURLE_COULDNT_CONNECT.rawValue: .connectFailed,
        CURLE_SSL_CONNECT_ERROR.rawValue: .tlsFailed,
        CURLE_SSL_CIPHER.rawValue: .tlsFailed,
        CURLE_PEER_FAILED_VERIFICATION.rawValue: .certificateRefused,
        CURLE_SSL_ISSUER_ERROR.rawValue: .certificateRefused,
        CURLE_OPERATION_TIMEDOUT.rawValue: .timedOut,
        CURLE_SEND_ERROR.rawValue: .connectionLost,
        CURLE_RECV_ERROR.rawValue: .connectionLost,
        CURLE_GOT_NOTHING.rawValue: .connectionLost,
        CURLE_PARTIAL_FILE.rawValue: .connectionLost,
        CURLE_HTTP2.rawValue: .connectionLost,
        CURLE_HTTP2_STREAM.rawValue: .connectionLost,
        CURLE_ABORTED_BY_CALLBACK.rawValue: .cancelled,
        CURLE_OUT_OF_MEMORY.rawValue: .overloaded,
    ]

    static func error(_ result: CURLcode, text: String) -> OutboundError {
        var code = codes[result.rawValue] ?? .protocolViolation
        // Under TLS 1.3 the server judges our certificate after the handshake: its alert arrives with the first read, or only a reset does.
        if text.contains("alert"), ["certificate", "unknown ca", "access denied"].contains(where: text.contains) { code = .certificateRefused }
        let reason = String(cString: curl_easy_strerror(result))
        return OutboundError(code: code, message: "\(text.isEmpty ? reason : text) (curl \(result.rawValue))")
    }
}
