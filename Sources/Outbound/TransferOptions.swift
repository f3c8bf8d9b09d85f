import CLibcurl

/// A request as options of a libcurl handle.
enum TransferOptions {
    /// False when libcurl refuses one.
    static func apply(
        _ request: OutboundRequest, lines: UnsafeMutablePointer<curl_slist>?, transfer: Transfer, to easy: UnsafeMutableRawPointer
    ) -> Bool {
        var results = basics(request, easy)
        results += deadlines(request.deadlines, easy)
        results += trust(request, easy)
        results += body(request, easy)
        results.append(clibcurl_set_list(easy, CURLOPT_HTTPHEADER, lines))
        results += callbacks(transfer, easy)
        return results.allSatisfy { $0 == CURLE_OK }
    }

    private static func basics(_ request: OutboundRequest, _ easy: UnsafeMutableRawPointer) -> [CURLcode] {
        var results = [
            clibcurl_set_string(easy, CURLOPT_URL, request.url),
            clibcurl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https"),
            // A proxy from the environment must not see what goes between our programs.
            clibcurl_set_string(easy, CURLOPT_PROXY, ""),
            clibcurl_set_long(easy, CURLOPT_NOSIGNAL, 1),
            // A call that ends while a name server is silent would wait for its resolver thread, and with it all calls of the client.
            clibcurl_set_long(easy, CURLOPT_QUICK_EXIT, 1),
            clibcurl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0),
            clibcurl_set_long(easy, CURLOPT_TCP_KEEPALIVE, 1),
            clibcurl_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1),
        ]
        switch request.version {
        case .negotiated:
            results.append(clibcurl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS)))
        case .http1:
            results.append(clibcurl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)))
        }
        if request.reach == .publicAddresses {
            results += [
                clibcurl_set_address_check(easy) { address, count in
                    address.map { PublicAddress.isPublic(Array(UnsafeRawBufferPointer(start: $0, count: count))) } == true ? 1 : 0
                },
                // One that stands was opened by a call without the check.
                clibcurl_set_long(easy, CURLOPT_FRESH_CONNECT, 1), clibcurl_set_long(easy, CURLOPT_FORBID_REUSE, 1),
            ]
        }
        if let path = request.unixSocketPath { results.append(clibcurl_set_string(easy, CURLOPT_UNIX_SOCKET_PATH, path)) }
        return results
    }

    private static func deadlines(_ deadlines: OutboundDeadlines, _ easy: UnsafeMutableRawPointer) -> [CURLcode] {
        var results = [clibcurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, deadlines.connect.wholeMilliseconds)]
        if let total = deadlines.total { results.append(clibcurl_set_long(easy, CURLOPT_TIMEOUT_MS, total.wholeMilliseconds)) }
        if let stall = deadlines.stall {
            results.append(clibcurl_set_long(easy, CURLOPT_LOW_SPEED_LIMIT, 1))
            results.append(clibcurl_set_long(easy, CURLOPT_LOW_SPEED_TIME, max(1, stall.wholeMilliseconds / 1000)))
        }
        return results
    }

    private static func trust(_ request: OutboundRequest, _ easy: UnsafeMutableRawPointer) -> [CURLcode] {
        var results = [clibcurl_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))]
        switch request.trust {
        case .system: break
        case .authorities(let pem): results.append(blob(easy, CURLOPT_CAINFO_BLOB, pem))
        case .unverified:
            results.append(clibcurl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 0))
            results.append(clibcurl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 0))
        }
        if let identity = request.identity {
            results.append(clibcurl_set_string(easy, CURLOPT_SSLCERTTYPE, "PEM"))
            results.append(blob(easy, CURLOPT_SSLCERT_BLOB, identity.certificateChainPem))
            results.append(clibcurl_set_string(easy, CURLOPT_SSLKEYTYPE, "PEM"))
            results.append(blob(easy, CURLOPT_SSLKEY_BLOB, identity.privateKeyPem))
        }
        return results
    }

    private static func body(_ request: OutboundRequest, _ easy: UnsafeMutableRawPointer) -> [CURLcode] {
        var results: [CURLcode] = []
        switch request.body {
        case .none where request.method == "HEAD":
            results.append(clibcurl_set_long(easy, CURLOPT_NOBODY, 1))
        case .none where ["POST", "PUT", "PATCH"].contains(request.method):
            results += post([], easy)
        case .none:
            results.append(clibcurl_set_long(easy, CURLOPT_HTTPGET, 1))
        case .bytes(let bytes):
            results += post(bytes, easy)
        case .stream(let length, _):
            results.append(clibcurl_set_long(easy, CURLOPT_UPLOAD, 1))
            results.append(clibcurl_set_offset(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(length ?? -1)))
        }
        if request.method != "HEAD" { results.append(clibcurl_set_string(easy, CURLOPT_CUSTOMREQUEST, request.method)) }
        return results
    }

    private static func post(_ bytes: [UInt8], _ easy: UnsafeMutableRawPointer) -> [CURLcode] {
        let size = clibcurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
        guard !bytes.isEmpty else { return [size, clibcurl_set_string(easy, CURLOPT_COPYPOSTFIELDS, "")] }
        let fields = bytes.withUnsafeBytes { bytes in
            clibcurl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
        }
        return [size, fields]
    }

    private static func callbacks(_ transfer: Transfer, _ easy: UnsafeMutableRawPointer) -> [CURLcode] {
        // The engine keeps the transfer alive for as long as libcurl may call.
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        return [
            clibcurl_set_callback(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().receiveHeadLine(line)
            },
            clibcurl_set_pointer(easy, CURLOPT_HEADERDATA, context),
            clibcurl_set_callback(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().receive(
                    UnsafeRawBufferPointer(start: bytes, count: size * count))
            },
            clibcurl_set_pointer(easy, CURLOPT_WRITEDATA, context),
            clibcurl_set_callback(easy, CURLOPT_READFUNCTION) { bytes, size, count, context in
                guard let bytes, let context else { return clibcurl_read_abort() }
                let room = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
                return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().send(into: room)
            },
            clibcurl_set_pointer(easy, CURLOPT_READDATA, context),
        ]
    }

    private static func blob(_ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ text: String) -> CURLcode {
        Array(text.utf8).withUnsafeBytes { clibcurl_set_blob(easy, option, $0.baseAddress, $0.count) }
    }

    /// The request's headers, and what keeps libcurl from adding its own.
    static func headerLines(_ request: OutboundRequest) -> UnsafeMutablePointer<curl_slist>? {
        var lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        let names = Set(request.headers.map { $0.name.lowercased() })
        if !names.contains("content-type") { lines.append("Content-Type:") }
        if !names.contains("expect") { lines.append("Expect:") }
        return lines.reduce(nil) { list, line in curl_slist_append(list, line) }
    }

    static func timings(_ easy: UnsafeMutableRawPointer) -> OutboundTimings {
        func read(_ info: CURLINFO) -> Duration {
            var microseconds: curl_off_t = 0
            clibcurl_get_offset(easy, info, &microseconds)
            return .microseconds(microseconds)
        }
        return OutboundTimings(
            nameLookup: read(CURLINFO_NAMELOOKUP_TIME_T), connect: read(CURLINFO_CONNECT_TIME_T), tls: read(CURLINFO_APPCONNECT_TIME_T),
            firstByte: read(CURLINFO_STARTTRANSFER_TIME_T), total: read(CURLINFO_TOTAL_TIME_T))
    }
}

extension Duration {
    /// Rounded up, so that a short deadline never becomes "none".
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
