#ifndef PLIMSOLL_COPENSSL_SHIM_H
#define PLIMSOLL_COPENSSL_SHIM_H

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// What OpenSSL declares as a macro, and Swift therefore cannot see.

static inline EVP_PKEY *plimsoll_make_p256_key(void) { return EVP_EC_gen("P-256"); }

static inline long plimsoll_bio_bytes(BIO *bio, const char **bytes) { return BIO_get_mem_data(bio, (char **)bytes); }

static inline int plimsoll_pkey_base_id(const EVP_PKEY *key) { return EVP_PKEY_get_base_id(key); }

static inline int plimsoll_aead_set_tag(EVP_CIPHER_CTX *context, int length, void *tag) {
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, length, tag);
}

static inline int plimsoll_aead_get_tag(EVP_CIPHER_CTX *context, int length, void *tag) {
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, length, tag);
}

static inline int plimsoll_aead_set_nonce_length(EVP_CIPHER_CTX *context, int length) {
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, length, NULL);
}

static inline STACK_OF(X509) *plimsoll_certificates_new(void) { return sk_X509_new_null(); }

static inline int plimsoll_certificates_push(STACK_OF(X509) *stack, X509 *certificate) { return sk_X509_push(stack, certificate); }

// Frees the stack, not the certificates in it.
static inline void plimsoll_certificates_free(STACK_OF(X509) *stack) { sk_X509_free(stack); }

static inline int plimsoll_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

static inline const GENERAL_NAME *plimsoll_names_at(const GENERAL_NAMES *names, int index) { return sk_GENERAL_NAME_value(names, index); }

static inline GENERAL_NAMES *plimsoll_names_new(void) { return sk_GENERAL_NAME_new_null(); }

static inline int plimsoll_names_push(GENERAL_NAMES *names, GENERAL_NAME *name) { return sk_GENERAL_NAME_push(names, name); }

static inline void plimsoll_names_free(GENERAL_NAMES *names) { sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free); }

static inline int plimsoll_name_type(const GENERAL_NAME *name) { return name->type; }

// The text of a URI or DNS name; valid while the name lives. Not terminated by zero.
static inline const unsigned char *plimsoll_name_text(const GENERAL_NAME *name, int *length) {
    if (name->type != GEN_URI && name->type != GEN_DNS) return NULL;
    *length = ASN1_STRING_length(name->d.ia5);
    return ASN1_STRING_get0_data(name->d.ia5);
}

// Adds one extension from OpenSSL's own configuration text; the caller vouches for every character of `value`.
static inline int plimsoll_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL) return 0;
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static inline int plimsoll_refuse_password(char *buffer, int size, int writing, void *context) { return -1; }

// Without a callback OpenSSL asks the terminal for the password of an encrypted key.
static inline EVP_PKEY *plimsoll_read_private_key(BIO *bio) { return PEM_read_bio_PrivateKey(bio, NULL, plimsoll_refuse_password, NULL); }

// The low-level functions need neither a fetch of the algorithm nor an allocation; EVP_Q_digest costs both on each call.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
typedef struct { SHA256_CTX state; } plimsoll_sha256_state;

static inline void plimsoll_sha256_begin(plimsoll_sha256_state *hash) { SHA256_Init(&hash->state); }

static inline void plimsoll_sha256_add(plimsoll_sha256_state *hash, const void *bytes, size_t count) { SHA256_Update(&hash->state, bytes, count); }

static inline void plimsoll_sha256_end(plimsoll_sha256_state *hash, void *digest) { SHA256_Final((unsigned char *)digest, &hash->state); }
#pragma GCC diagnostic pop

#endif
