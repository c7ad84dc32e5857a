### Letters in Azerbaijani. See en.ftl.

invitation-subject = Dəvət: { $tenant }
invitation-before = Sizi { $platform } platformasında { $tenant } şirkətində işləməyə dəvət edirlər. Qəbul və ya imtina etmək üçün bu keçidi açın:
invitation-after = Söhbətin nədən getdiyini bilmirsinizsə, imtina edin və ya heç nə etməyin: razılığı olmadan heç kim əlavə edilmir.
verify-subject = Ünvanınızı təsdiqləyin: { $tenant }
verify-before = { $platform } platformasında { $tenant } qeydiyyatdan keçəndə bu ünvan göstərilib. Bunu siz etmisinizsə, bu keçidi açın və o zaman seçdiyiniz parolu yazın:
verify-after = Artıq hesabınız varsa, yeni şirkət ona əlavə olunacaq. Bunu siz etməmisinizsə, heç nə etməyin: yaradılan hesab sizi təmsil etmir və sizə aid heç nə dəyişmir.
reset-subject = Parolun dəyişdirilməsi: { $platform }
reset-before = Yeni parol istənilib. Onu seçmək üçün bu keçidi açın:
reset-after = Bunu siz istəməmisinizsə, heç nə etməyin: parolunuz olduğu kimi qalır.
code = Proqramlar üçün bu məktubun kodu:
