/// llama.cpp as build 11549 writes it, which is the server that tests run (its shapes were compared with these): choices in front, null as the first
/// content, a call of a tool whose first piece has arguments too or none at all, and timings of its own.
extension Recording {
    static let llamacpp = [
        Recording(
            "llamacpp-tools",
            events: #"""
                {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":null,"index":0,"delta":{"tool_calls":[{"index":0,"id":"Rk4vT8wXz2Lm6Np0Qs9Yb3Ud7Hf1Jc5G","type":"function","function":{"name":"get_weather","arguments":"{"}}]}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":null,"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"city\": \"Lisbon\"}"}}]}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":null,"index":0,"delta":{"tool_calls":[{"index":1,"id":"aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV","type":"function","function":{"name":"get_weather"}}]}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":null,"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"city\": \"Oslo\", "}}]}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":null,"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"\"unit\": \"celsius\"}"}}]}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":"tool_calls","index":0,"delta":{}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk","usage":{"completion_tokens":36,"prompt_tokens":180,"total_tokens":216,"prompt_tokens_details":{"cached_tokens":0}},"timings":{"cache_n":0,"prompt_n":32,"prompt_ms":275.9,"prompt_per_token_ms":8.62,"prompt_per_second":115.98,"predicted_n":12,"predicted_ms":180.4,"predicted_per_token_ms":15.03,"predicted_per_second":66.5}}
                """#,
            whole: #"""
                {"choices":[{"finish_reason":"tool_calls","index":0,"message":{"role":"assistant","content":"","tool_calls":[{"type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Lisbon\"}"},"id":"Rk4vT8wXz2Lm6Np0Qs9Yb3Ud7Hf1Jc5G"},{"type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Oslo\", \"unit\": \"celsius\"}"},"id":"aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV"}]}}],"created":1790000000,"model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion","usage":{"completion_tokens":36,"prompt_tokens":180,"total_tokens":216,"prompt_tokens_details":{"cached_tokens":0}},"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","timings":{"cache_n":0,"prompt_n":32,"prompt_ms":275.9,"prompt_per_token_ms":8.62,"prompt_per_second":115.98,"predicted_n":12,"predicted_ms":180.4,"predicted_per_token_ms":15.03,"predicted_per_second":66.5}}
                """#),
        Recording(
            "llamacpp-reasoning",
            events: #"""
                {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":null,"index":0,"delta":{"reasoning_content":"Two and"}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":null,"index":0,"delta":{"reasoning_content":" two."}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"4"}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"."}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk","usage":{"completion_tokens":9,"prompt_tokens":18,"total_tokens":27,"prompt_tokens_details":{"cached_tokens":0}},"timings":{"cache_n":0,"prompt_n":32,"prompt_ms":275.9,"prompt_per_token_ms":8.62,"prompt_per_second":115.98,"predicted_n":12,"predicted_ms":180.4,"predicted_per_token_ms":15.03,"predicted_per_second":66.5}}
                """#,
            whole: #"""
                {"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"4.","reasoning_content":"Two and two."}}],"created":1790000000,"model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion","usage":{"completion_tokens":9,"prompt_tokens":18,"total_tokens":27,"prompt_tokens_details":{"cached_tokens":0}},"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","timings":{"cache_n":0,"prompt_n":32,"prompt_ms":275.9,"prompt_per_token_ms":8.62,"prompt_per_second":115.98,"predicted_n":12,"predicted_ms":180.4,"predicted_per_token_ms":15.03,"predicted_per_second":66.5}}
                """#),
        Recording(
            "llamacpp-logprobs",
            events: #"""
                {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Yes"},"logprobs":{"content":[{"id":99,"token":"Yes","bytes":[89,101,115],"logprob":-0.125,"top_logprobs":[{"id":99,"token":"Yes","bytes":[89,101,115],"logprob":-0.125}]}]}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk"}
                {"choices":[],"created":1790000000,"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion.chunk","usage":{"completion_tokens":2,"prompt_tokens":11,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":0}},"timings":{"cache_n":0,"prompt_n":32,"prompt_ms":275.9,"prompt_per_token_ms":8.62,"prompt_per_second":115.98,"predicted_n":12,"predicted_ms":180.4,"predicted_per_token_ms":15.03,"predicted_per_second":66.5}}
                """#,
            whole: #"""
                {"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"Yes"},"logprobs":{"content":[{"id":99,"token":"Yes","bytes":[89,101,115],"logprob":-0.125,"top_logprobs":[{"id":99,"token":"Yes","bytes":[89,101,115],"logprob":-0.125}]}]}}],"created":1790000000,"model":"recorded","system_fingerprint":"b11549-0a1b2c3d","object":"chat.completion","usage":{"completion_tokens":2,"prompt_tokens":11,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":0}},"id":"chatcmpl-Qm3x7Tz0Lk9vB2nR5sYw8Ud1","timings":{"cache_n":0,"prompt_n":32,"prompt_ms":275.9,"prompt_per_token_ms":8.62,"prompt_per_second":115.98,"predicted_n":12,"predicted_ms":180.4,"predicted_per_token_ms":15.03,"predicted_per_second":66.5}}
                """#),
        Recording(
            "llamacpp-error",
            events: #"""
                {"error":{"code":400,"message":"request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}
                """#,
            whole: #"""
                {"error":{"code":400,"message":"request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}
                """#, status: 400, isDone: false),
    ]
}
