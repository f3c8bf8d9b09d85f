extension SecretRule {
    /// Rules of gitleaks at b58d3f1, config/gitleaks.toml, in the notation of `SecretRuleText`.
    ///
    /// Copyright (c) 2019 Zachary Rice. MIT License; the text of the licence stands in `docs/licences/gitleaks.txt`.
    static let gitleaksFirst = ##"""
        1password-secret-key plain 3.8 a3-
          |\bA3-[A-Z0-9]{6}-(?:(?:[A-Z0-9]{11})|(?:[A-Z0-9]{6}-[A-Z0-9]{5}))-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}\b
        1password-service-account-token plain 4 ops_ ops_eyJ[a-zA-Z0-9+/]{250,}={0,3}
        adafruit-api-key assigned 0 adafruit adafruit ~ [a-z0-9_-]{32}
        adobe-client-id assigned 2 adobe adobe ~ [a-f0-9]{32}
        adobe-client-secret token 2 p8e- p8e-(?i)[a-z0-9]{32}
        age-secret-key plain 0 age-secret-key-1 AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}
        airtable-api-key assigned 0 airtable airtable ~ [a-z0-9]{17}
        airtable-personnal-access-token plain 0 airtable \b(pat[[:alnum:]]{14}\.[a-f0-9]{64})\b
        algolia-api-key assigned 0 algolia algolia ~ [a-z0-9]{32}
        alibaba-access-key-id token 2 ltai LTAI(?i)[a-z0-9]{20}
        alibaba-secret-key assigned 2 alibaba alibaba ~ [a-z0-9]{30}
        anthropic-admin-api-key token 0 sk-ant-admin01 sk-ant-admin01-[a-zA-Z0-9_\-]{93}AA
        anthropic-api-key token 0 sk-ant-api03 sk-ant-api03-[a-zA-Z0-9_\-]{93}AA
        artifactory-api-key plain 4.5 akcp \bAKCp[A-Za-z0-9]{69}\b
        artifactory-reference-token plain 4.5 cmvmd \bcmVmd[A-Za-z0-9]{59}\b
        asana-client-id assigned 0 asana asana ~ [0-9]{16}
        asana-client-secret assigned 0 asana asana ~ [a-z0-9]{32}
        atlassian-api-token plain 3.5 atatt3,atlassian,confluence,jira
          |(?i)[\w.-]{0,50}?(?:(?-i:ATLASSIAN|[Aa]tlassian)|(?-i:CONFLUENCE|[Cc]onfluence)|(?-i:JIRA|[Jj]ira))(?:[ \t\w.-]{0,20})[\
          |s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}([a-z0-9]{20}[a-f0-9]{4})(?:[\x60'"\s;]|\\[nr]|$)|\b(ATATT3[A-Za
          |-z0-9_\-=]{186})(?:[\x60'"\s;]|\\[nr]|$)
        authress-service-client-access-key token 2 authress_,ext_,sc_,scauth_
          |(?:sc|ext|scauth|authress)_(?i)[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.(?-i:acc)[_-][a-z0-9-]{10,32}\.[a-z0-9+/_=-]{30,120}
        aws-access-token plain 3 a3t,abia,acca,akia,asia \b((?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b
        aws-amazon-bedrock-api-key-long-lived token 3 absk ABSK[A-Za-z0-9+/]{109,269}={0,2}
        aws-amazon-bedrock-api-key-short-lived plain 3 bedrock-api-key- bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t
        azure-ad-client-secret plain 3 q~ (?:^|[\\'"\x60\s>=:(,)])([a-zA-Z0-9_~.]{3}\dQ~[a-zA-Z0-9_~.-]{31,34})(?:$|[\\'"\x60\s<),])
        beamer-api-token assigned 0 beamer beamer ~ b_[a-z0-9=_\-]{44}
        bitbucket-client-id assigned 0 bitbucket bitbucket ~ [a-z0-9]{32}
        bitbucket-client-secret assigned 0 bitbucket bitbucket ~ [a-z0-9=_\-]{64}
        bittrex-access-key assigned 0 bittrex bittrex ~ [a-z0-9]{32}
        bittrex-secret-key assigned 0 bittrex bittrex ~ [a-z0-9]{32}
        cisco-meraki-api-key cased 3 meraki (?-i:[Mm]eraki|MERAKI) ~ [0-9a-f]{40}
        clickhouse-cloud-api-secret-key plain 3 4b1d \b(4b1d[A-Za-z0-9]{38})\b
        clojars-api-token plain 2 clojars_ (?i)CLOJARS_[a-z0-9]{60}
        cloudflare-api-key assigned 2 cloudflare cloudflare ~ [a-z0-9_-]{40}
        cloudflare-global-api-key assigned 2 cloudflare cloudflare ~ [a-f0-9]{37}
        cloudflare-origin-ca-key token 2 cloudflare,v1.0- v1\.0-[a-f0-9]{24}-[a-f0-9]{146}
        codecov-access-token assigned 0 codecov codecov ~ [a-z0-9]{32}
        cohere-api-token cased 4 co_api_key,cohere cohere|CO_API_KEY ~ [a-zA-Z0-9]{40}
        coinbase-access-token assigned 0 coinbase coinbase ~ [a-z0-9_-]{64}
        confluent-access-token assigned 0 confluent confluent ~ [a-z0-9]{16}
        confluent-secret-key assigned 0 confluent confluent ~ [a-z0-9]{64}
        contentful-delivery-api-token assigned 0 contentful contentful ~ [a-z0-9=_\-]{43}
        databricks-api-token token 3 dapi dapi[a-f0-9]{32}(?:-\d)?
        datadog-access-token assigned 0 datadog datadog ~ [a-z0-9]{40}
        defined-networking-api-token assigned 0 dnkey dnkey ~ dnkey-[a-z0-9=_\-]{26}-[a-z0-9=_\-]{52}
        digitalocean-access-token token 3 doo_v1_ doo_v1_[a-f0-9]{64}
        digitalocean-pat token 3 dop_v1_ dop_v1_[a-f0-9]{64}
        digitalocean-refresh-token token 0 dor_v1_ (?i)dor_v1_[a-f0-9]{64}
        discord-api-token assigned 0 discord discord ~ [a-f0-9]{64}
        discord-client-id assigned 2 discord discord ~ [0-9]{18}
        discord-client-secret assigned 2 discord discord ~ [a-z0-9=_\-]{32}
        doppler-api-token plain 2 dp.pt. dp\.pt\.(?i)[a-z0-9]{43}
        droneci-access-token assigned 0 droneci droneci ~ [a-z0-9]{32}
        dropbox-api-token assigned 0 dropbox dropbox ~ [a-z0-9]{15}
        dropbox-long-lived-api-token assigned 0 dropbox dropbox ~ [a-z0-9]{11}(AAAAAAAAAA)[a-z0-9\-_=]{43}
        dropbox-short-lived-api-token assigned 0 dropbox dropbox ~ sl\.[a-z0-9\-=_]{135}
        duffel-api-token plain 2 duffel_ duffel_(?:test|live)_(?i)[a-z0-9_\-=]{43}
        dynatrace-api-token plain 4 dt0c01. dt0c01\.(?i)[a-z0-9]{24}\.[a-z0-9]{64}
        easypost-api-token plain 2 ezak \bEZAK(?i)[a-z0-9]{54}\b
        easypost-test-api-token plain 2 eztk \bEZTK(?i)[a-z0-9]{54}\b
        etsy-access-token assigned 3 etsy (?-i:ETSY|[Ee]tsy) ~ [a-z0-9]{24}
        facebook-access-token token 3 facebook (?i)\d{15,16}(\||%)[0-9a-z\-_]{27,40}
        facebook-page-access-token token 4 eaac,eaam EAA[MC](?i)[a-z0-9]{100,}
        facebook-secret assigned 3 facebook facebook ~ [a-f0-9]{32}
        fastly-api-token assigned 0 fastly fastly ~ [a-z0-9=_\-]{32}
        finicity-api-token assigned 0 finicity finicity ~ [a-f0-9]{32}
        finicity-client-secret assigned 0 finicity finicity ~ [a-z0-9]{20}
        finnhub-access-token assigned 0 finnhub finnhub ~ [a-z0-9]{20}
        flickr-access-token assigned 0 flickr flickr ~ [a-z0-9]{32}
        flutterwave-encryption-key plain 2 flwseck_test FLWSECK_TEST-(?i)[a-h0-9]{12}
        flutterwave-public-key plain 2 flwpubk_test FLWPUBK_TEST-(?i)[a-h0-9]{32}-X
        flutterwave-secret-key plain 2 flwseck_test FLWSECK_TEST-(?i)[a-h0-9]{32}-X
        flyio-access-token token 4 fm1,fm2_,fo1_ (?:fo1_[\w-]{43}|fm1[ar]_[a-zA-Z0-9+\/]{100,}={0,3}|fm2_[a-zA-Z0-9+\/]{100,}={0,3})
        frameio-api-token plain 0 fio-u- fio-u-(?i)[a-z0-9\-_=]{64}
        freshbooks-access-token assigned 0 freshbooks freshbooks ~ [a-z0-9]{64}
        gcp-api-key token 4 aiza AIza[\w-]{35}
        github-app-token plain 3 ghs_,ghu_ (?:ghu|ghs)_[0-9a-zA-Z]{36}
        github-fine-grained-pat plain 3 github_pat_ github_pat_\w{82}
        github-oauth plain 3 gho_ gho_[0-9a-zA-Z]{36}
        github-pat plain 3 ghp_ ghp_[0-9a-zA-Z]{36}
        github-refresh-token plain 3 ghr_ ghr_[0-9a-zA-Z]{36}
        gitlab-cicd-job-token plain 3 glcbt- glcbt-[0-9a-zA-Z]{1,5}_[0-9a-zA-Z_-]{20}
        gitlab-deploy-token plain 3 gldt- gldt-[0-9a-zA-Z_\-]{20}
        gitlab-feature-flag-client-token plain 3 glffct- glffct-[0-9a-zA-Z_\-]{20}
        gitlab-feed-token plain 3 glft- glft-[0-9a-zA-Z_\-]{20}
        gitlab-incoming-mail-token plain 3 glimt- glimt-[0-9a-zA-Z_\-]{25}
        gitlab-kubernetes-agent-token plain 3 glagent- glagent-[0-9a-zA-Z_\-]{50}
        gitlab-oauth-app-secret plain 3 gloas- gloas-[0-9a-zA-Z_\-]{64}
        gitlab-pat plain 3 glpat- glpat-[\w-]{20}
        gitlab-pat-routable plain 4 glpat- \bglpat-[0-9a-zA-Z_-]{27,300}\.[0-9a-z]{2}[0-9a-z]{7}\b
        gitlab-ptt plain 3 glptt- glptt-[0-9a-f]{40}
        gitlab-rrt plain 3 gr1348941 GR1348941[\w-]{20}
        gitlab-runner-authentication-token plain 3 glrt- glrt-[0-9a-zA-Z_\-]{20}
        gitlab-runner-authentication-token-routable plain 4 glrt- \bglrt-t\d_[0-9a-zA-Z_\-]{27,300}\.[0-9a-z]{2}[0-9a-z]{7}\b
        gitlab-scim-token plain 3 glsoat- glsoat-[0-9a-zA-Z_\-]{20}
        gitlab-session-cookie plain 3 _gitlab_session= _gitlab_session=[0-9a-z]{32}
        gitter-access-token assigned 0 gitter gitter ~ [a-z0-9_-]{40}
        gocardless-api-token assigned 0 gocardless,live_ gocardless ~ live_(?i)[a-z0-9\-_=]{40}
        grafana-api-key token 3 eyjrijoi (?i)eyJrIjoi[A-Za-z0-9]{70,400}={0,3}
        grafana-cloud-api-token token 3 glc_ (?i)glc_[A-Za-z0-9+/]{32,400}={0,3}
        grafana-service-account-token token 3 glsa_ (?i)glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}
        harness-api-key plain 0 pat.,sat. (?:pat|sat)\.[a-zA-Z0-9_-]{22}\.[a-zA-Z0-9]{24}\.[a-zA-Z0-9]{20}
        hashicorp-tf-api-token plain 3.5 atlasv1 (?i)[a-z0-9]{14}\.(?-i:atlasv1)\.[a-z0-9\-_=]{60,70}
        hashicorp-tf-password assigned 2 administrator_login_password,password
          |administrator_login_password|password ~ "[a-z0-9=_\-]{8,20}"
        heroku-api-key assigned 0 heroku heroku ~ [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
        heroku-api-key-v2 token 4 hrku-aa (HRKU-AA[0-9a-zA-Z_-]{58})
        hubspot-api-key assigned 0 hubspot hubspot ~ [0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}
        huggingface-access-token token 2 hf_ hf_(?i:[a-z]{34})
        huggingface-organization-api-token token 2 api_org_ api_org_(?i:[a-z]{34})
        """##
}
