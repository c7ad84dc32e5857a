### Letters. A text takes $tenant, the name of the company in quotation marks, and $platform.

invitation-subject = Invitation to { $tenant }
invitation-before = You are invited to work in { $tenant } on { $platform }. To accept or refuse, follow this link:
invitation-after = If you do not know what this is about, refuse it or do nothing: nobody is added without accepting.
verify-subject = Confirm your address for { $tenant }
verify-before = This address was given when { $tenant } was registered on { $platform }. If that was you, follow this link and type the password you chose then:
verify-after = If you have an account already, this adds the new tenant to it. If it was not you, do nothing: the account that was made does not stand for you, and nothing of yours changes.
reset-subject = Reset your password for { $platform }
reset-before = A new password was asked for. To choose one, follow this link:
reset-after = If you did not ask, do nothing: your password stays as it is.
code = For programs, the code of this letter is
