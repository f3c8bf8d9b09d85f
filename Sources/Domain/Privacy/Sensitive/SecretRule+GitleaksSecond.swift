extension SecretRule {
    /// Rules of gitleaks at b58d3f1, config/gitleaks.toml, in the notation of `SecretRuleText`.
    ///
    /// Copyright (c) 2019 Zachary Rice. MIT License; the text of the licence stands in `docs/licences/gitleaks.txt`.
    static let gitleaksSecond = ##"""
        infracost-api-token token 3 ico- ico-[a-zA-Z0-9]{32}
        intercom-api-key assigned 0 intercom intercom ~ [a-z0-9=_\-]{60}
        intra42-client-secret token 3 intra,s-s4t2af-,s-s4t2ud- s-s4t2(?:ud|af)-(?i)[abcdef0123456789]{64}
        jfrog-api-key assigned 0 artifactory,bintray,jfrog,xray jfrog|artifactory|bintray|xray ~ [a-z0-9]{73}
        jfrog-identity-token assigned 0 artifactory,bintray,jfrog,xray jfrog|artifactory|bintray|xray ~ [a-z0-9]{64}
        jwt token 3 ey ey[a-zA-Z0-9]{17,}\.ey[a-zA-Z0-9\/\\_-]{17,}\.(?:[a-zA-Z0-9\/\\_-]{10,}={0,2})?
        jwt-base64 plain 2 zxlk
          |\bZXlK(?:(?:aGJHY2lPaU)|(?:aGNIVWlPaU)|(?:aGNIWWlPaU)|(?:aGRXUWlPaU)|(?:aU5qUWlP)|(?:amNtbDBJanBi)|(?:amRIa2lPaU)|(?:bGN
          |Hc2lPbn)|(?:bGJtTWlPaU)|(?:cWEzVWlPaU)|(?:cWQyc2lPb)|(?:cGMzTWlPaU)|(?:cGRpSTZJ)|(?:cmFXUWlP)|(?:clpYbGZiM0J6SWpwY)|(?:c
          |mRIa2lPaUp)|(?:dWIyNWpaU0k2)|(?:d01tTWlP)|(?:d01uTWlPaU)|(?:d2NIUWlPaU)|(?:emRXSWlPaU)|(?:emRuUWlP)|(?:MFlXY2lPaU)|(?:MG
          |VYQWlPaUp)|(?:MWNtd2l)|(?:MWMyVWlPaUp)|(?:MlpYSWlPaU)|(?:MlpYSnphVzl1SWpv)|(?:NElqb2)|(?:NE5XTWlP)|(?:NE5YUWlPaU)|(?:NE5
          |YUWpVekkxTmlJNkl)|(?:NE5YVWlPaU)|(?:NmFYQWlPaU))[a-zA-Z0-9\/\\_+\-\r\n]{40,}={0,2}
        kraken-access-token assigned 0 kraken kraken ~ [a-z0-9\/=_\+\-]{80,90}
        kucoin-access-token assigned 0 kucoin kucoin ~ [a-f0-9]{24}
        kucoin-secret-key assigned 0 kucoin kucoin ~ [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
        launchdarkly-access-token assigned 0 launchdarkly launchdarkly ~ [a-z0-9=_\-]{40}
        linear-api-key plain 2 lin_api_ lin_api_(?i)[a-z0-9]{40}
        linear-client-secret assigned 2 linear linear ~ [a-f0-9]{32}
        linkedin-client-id assigned 2 linked-in,linked_in,linkedin linked[_-]?in ~ [a-z0-9]{14}
        linkedin-client-secret assigned 2 linked-in,linked_in,linkedin linked[_-]?in ~ [a-z0-9]{16}
        lob-api-key assigned 0 live_,test_ lob ~ (live|test)_[a-f0-9]{35}
        lob-pub-api-key assigned 0 _pub,live_pub,test_pub lob ~ (test|live)_pub_[a-f0-9]{31}
        looker-client-id assigned 0 looker looker ~ [a-z0-9]{20}
        looker-client-secret assigned 0 looker looker ~ [a-z0-9]{24}
        mailchimp-api-key assigned 0 mailchimp MailchimpSDK.initialize|mailchimp ~ [a-f0-9]{32}-us\d\d
        mailgun-private-api-token assigned 0 mailgun mailgun ~ key-[a-f0-9]{32}
        mailgun-pub-key assigned 0 mailgun mailgun ~ pubkey-[a-f0-9]{32}
        mailgun-signing-key assigned 0 mailgun mailgun ~ [a-h0-9]{32}-[a-h0-9]{8}-[a-h0-9]{8}
        mapbox-api-token assigned 0 mapbox mapbox ~ pk\.[a-z0-9]{60}\.[a-z0-9]{22}
        mattermost-access-token assigned 0 mattermost mattermost ~ [a-z0-9]{26}
        maxmind-license-key token 4 _mmk [A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk
        messagebird-api-token assigned 0 message-bird,message_bird,messagebird message[_-]?bird ~ [a-z0-9]{25}
        messagebird-client-id assigned 0 message-bird,message_bird,messagebird
          |message[_-]?bird ~ [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
        microsoft-teams-webhook plain 0 incomingwebhook,webhook.office.com,webhookb2
          |https://[a-z0-9]+\.webhook\.office\.com/webhookb2/[a-z0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}@[a-z0-9]{8}-([a-z0-9]{4}-){3
          |}[a-z0-9]{12}/IncomingWebhook/[a-z0-9]{32}/[a-z0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}
        netlify-access-token assigned 0 netlify netlify ~ [a-z0-9=_\-]{40,46}
        new-relic-browser-api-token assigned 0 nrjs- new-relic|newrelic|new_relic ~ NRJS-[a-f0-9]{19}
        new-relic-insert-key assigned 0 nrii- new-relic|newrelic|new_relic ~ NRII-[a-z0-9-]{32}
        new-relic-user-api-id assigned 0 new-relic,new_relic,newrelic new-relic|newrelic|new_relic ~ [a-z0-9]{64}
        new-relic-user-api-key assigned 0 nrak new-relic|newrelic|new_relic ~ NRAK-[a-z0-9]{27}
        notion-api-token token 4 ntn_ ntn_[0-9]{11}[A-Za-z0-9]{32}[A-Za-z0-9]{3}
        npm-access-token token 2 npm_ (?i)npm_[a-z0-9]{36}
        nytimes-access-token assigned 0 new-york-times,newyorktimes,nytimes nytimes|new-york-times,|newyorktimes ~ [a-z0-9=_\-]{32}
        octopus-deploy-api-key token 3 api- API-[A-Z0-9]{26}
        okta-access-token cased 4 okta (?-i:[Oo]kta|OKTA) ~ 00[\w=\-]{40}
        openai-api-key token 3 t3blbkfj
          |sk-(?:proj|svcacct|admin)-(?:[A-Za-z0-9_-]{74}|[A-Za-z0-9_-]{58})T3BlbkFJ(?:[A-Za-z0-9_-]{74}|[A-Za-z0-9_-]{58})\b|sk-[a
          |-zA-Z0-9]{20}T3BlbkFJ[a-zA-Z0-9]{20}
        openshift-user-token plain 3.5 sha256~ \b(sha256~[\w-]{43})(?:[^\w-]|\z)
        perplexity-api-key plain 4 pplx- \b(pplx-[a-zA-Z0-9]{48})(?:[\x60'"\s;]|\\[nr]|$|\b)
        plaid-api-token assigned 0 plaid
          |plaid ~ access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
        plaid-client-id assigned 3.5 plaid plaid ~ [a-z0-9]{24}
        plaid-secret-key assigned 3.5 plaid plaid ~ [a-z0-9]{30}
        planetscale-api-token token 3 pscale_tkn_ pscale_tkn_(?i)[\w=\.-]{32,64}
        planetscale-oauth-token token 3 pscale_oauth_ pscale_oauth_[\w=\.-]{32,64}
        planetscale-password token 3 pscale_pw_ (?i)pscale_pw_(?i)[\w=\.-]{32,64}
        postman-api-token token 3 pmak- PMAK-(?i)[a-f0-9]{24}\-[a-f0-9]{34}
        prefect-api-token token 2 pnu_ pnu_[a-zA-Z0-9]{36}
        private-key plain 0 -----begin (?i)-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----[\s\S-]{64,}?KEY(?: BLOCK)?-----
        privateai-api-token cased 3 private-ai,private_ai,privateai private[_-]?ai ~ [a-z0-9]{32}
        pulumi-api-token token 2 pul- pul-[a-f0-9]{40}
        pypi-upload-token plain 3 pypi-ageichlwas5vcmc pypi-AgEIcHlwaS5vcmc[\w-]{50,1000}
        rapidapi-access-token assigned 0 rapidapi rapidapi ~ [a-z0-9_-]{50}
        readme-api-token token 2 rdme_ rdme_[a-z0-9]{70}
        rubygems-api-token token 2 rubygems_ rubygems_[a-f0-9]{48}
        scalingo-api-token token 2 tk-us- tk-us-[\w-]{48}
        sendbird-access-id assigned 0 sendbird sendbird ~ [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
        sendbird-access-token assigned 0 sendbird sendbird ~ [a-f0-9]{40}
        sendgrid-api-token token 2 sg. SG\.(?i)[a-z0-9=_\-\.]{66}
        sendinblue-api-token token 2 xkeysib- xkeysib-[a-f0-9]{64}\-(?i)[a-z0-9]{16}
        sentry-access-token assigned 3 sentry sentry ~ [a-f0-9]{64}
        sentry-org-token plain 4.5 sntrys_eyjpyxqio
          |\bsntrys_eyJpYXQiO[a-zA-Z0-9+/]{10,200}(?:LCJyZWdpb25fdXJs|InJlZ2lvbl91cmwi|cmVnaW9uX3VybCI6)[a-zA-Z0-9+/]{10,200}={0,2}
          |_[a-zA-Z0-9+/]{43}(?:[^a-zA-Z0-9+/]|\z)
        sentry-user-token token 3.5 sntryu_ sntryu_[a-f0-9]{64}
        settlemint-application-access-token token 3 sm_aat sm_aat_[a-zA-Z0-9]{16}
        settlemint-personal-access-token token 3 sm_pat sm_pat_[a-zA-Z0-9]{16}
        settlemint-service-access-token token 3 sm_sat sm_sat_[a-zA-Z0-9]{16}
        shippo-api-token token 2 shippo_ shippo_(?:live|test)_[a-fA-F0-9]{40}
        shopify-access-token plain 2 shpat_ shpat_[a-fA-F0-9]{32}
        shopify-custom-access-token plain 2 shpca_ shpca_[a-fA-F0-9]{32}
        shopify-private-app-access-token plain 2 shppa_ shppa_[a-fA-F0-9]{32}
        shopify-shared-secret plain 2 shpss_ shpss_[a-fA-F0-9]{32}
        sidekiq-secret assigned 0 bundle_enterprise__contribsys__com,bundle_gems__contribsys__com
          |BUNDLE_ENTERPRISE__CONTRIBSYS__COM|BUNDLE_GEMS__CONTRIBSYS__COM ~ [a-f0-9]{8}:[a-f0-9]{8}
        sidekiq-sensitive-url plain 0 enterprise.contribsys.com,gems.contribsys.com
          |(?i)\bhttps?://([a-f0-9]{8}:[a-f0-9]{8})@(?:gems.contribsys.com|enterprise.contribsys.com)(?:[\/|\#|\?|:]|$)
        slack-app-token plain 2 xapp (?i)xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+
        slack-bot-token plain 3 xoxb xoxb-[0-9]{10,13}-[0-9]{10,13}[a-zA-Z0-9-]*
        slack-config-access-token plain 2 xoxe.xoxb-,xoxe.xoxp- (?i)xoxe.xox[bp]-\d-[A-Z0-9]{163,166}
        slack-config-refresh-token plain 2 xoxe- (?i)xoxe-\d-[A-Z0-9]{146}
        slack-legacy-bot-token plain 2 xoxb xoxb-[0-9]{8,14}-[a-zA-Z0-9]{18,26}
        slack-legacy-token plain 2 xoxo,xoxs xox[os]-\d+-\d+-\d+-[a-fA-F\d]+
        slack-legacy-workspace-token plain 2 xoxa,xoxr xox[ar]-(?:\d-)?[0-9a-zA-Z]{8,48}
        slack-user-token plain 2 xoxe-,xoxp- xox[pe](?:-[0-9]{10,13}){3}-[a-zA-Z0-9-]{28,34}
        slack-webhook-url plain 0 hooks.slack.com (?:https?://)?hooks.slack.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{43,56}
        snyk-api-token assigned 0 snyk
          |snyk[_.-]?(?:(?:api|oauth)[_.-]?)?(?:key|token) ~ [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
        sonar-api-token assigned 0 sonar sonar[_.-]?(login|token) ~ (?:squ_|sqp_|sqa_)?[a-z0-9=_\-]{40}
        sourcegraph-access-token token 3 sgp_,sourcegraph
          |(?i)\b(sgp_(?:[a-fA-F0-9]{16}|local)_[a-fA-F0-9]{40}|sgp_[a-fA-F0-9]{40}|[a-fA-F0-9]{40})\b
        square-access-token token 2 eaaa,sq0atp- (?:EAAA|sq0atp-)[\w-]{22,60}
        squarespace-access-token assigned 0 squarespace squarespace ~ [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
        stripe-access-token token 2 rk_live,rk_prod,rk_test,sk_live,sk_prod,sk_test (?:sk|rk)_(?:test|live|prod)_[a-zA-Z0-9]{10,99}
        sumologic-access-id cased 3 sumo (?-i:[Ss]umo|SUMO) ~ su[a-zA-Z0-9]{12}
        sumologic-access-token assigned 3 sumo (?-i:[Ss]umo|SUMO) ~ [a-z0-9]{64}
        telegram-bot-api-token assigned 0 telegr telegr ~ [0-9]{5,16}:(?-i:A)[a-z0-9_\-]{34}
        travisci-access-token assigned 0 travis travis ~ [a-z0-9]{22}
        twilio-api-key plain 3 sk SK[0-9a-fA-F]{32}
        twitch-api-token assigned 0 twitch twitch ~ [a-z0-9]{30}
        twitter-access-secret assigned 0 twitter twitter ~ [a-z0-9]{45}
        twitter-access-token assigned 0 twitter twitter ~ [0-9]{15,25}-[a-zA-Z0-9]{20,40}
        twitter-api-key assigned 0 twitter twitter ~ [a-z0-9]{25}
        twitter-api-secret assigned 0 twitter twitter ~ [a-z0-9]{50}
        twitter-bearer-token assigned 0 twitter twitter ~ A{22}[a-zA-Z0-9%]{80,100}
        typeform-api-token assigned 0 tfp_ typeform ~ tfp_[a-z0-9\-_\.=]{59}
        vault-batch-token token 4 hvb. hvb\.[\w-]{138,300}
        vault-service-token token 3.5 hvs.,s. (?:hvs\.[\w-]{90,120}|s\.(?i:[a-z0-9]{24}))
        yandex-access-token assigned 0 yandex yandex ~ t1\.[A-Z0-9a-z_-]+[=]{0,2}\.[A-Z0-9a-z_-]{86}[=]{0,2}
        yandex-api-key assigned 0 yandex yandex ~ AQVN[A-Za-z0-9_\-]{35,38}
        yandex-aws-access-token assigned 0 yandex yandex ~ YC[a-zA-Z0-9_\-]{38}
        zendesk-secret-key assigned 0 zendesk zendesk ~ [a-z0-9]{40}
        """##
}
