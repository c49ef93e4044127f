package generate

import "strings"

// The vocabulary. No word is one that Nova reserves, and the program text has
// the bytes by which those are looked for: colons, angles and brackets.
var (
	plainWords = strings.Fields(`the of and to in a is that for it with as on by at from this have or an they which
		you were all their one would there been has when more no who will can if out so about what up into than them
		time only some could these two may then do first any my now such like our over man even most made after also
		did many before must through back years where much your way well down should because each just those people
		how too little state good very make world still own see work long here get both between life being under never
		day same another know while last might great old year off come since against go came right used take three
		customer invoice refund delivery account contract answer question shipment warranty agreement department
		temperature configuration maintenance responsible understanding international`)

	accentedWords = strings.Fields(`café naïve déjà résumé façade Zürich Köln über grün größer Straße señor niño mañana
		corazón español São coração informação não où être élève français garçon hôtel août smörgås björn łódź
		příklad jalapeño crème fiancée`)

	foreignPhrases = []string{
		"Добрый день, чем я могу вам помочь", "Пожалуйста, проверьте номер заказа", "Спасибо за ваш вопрос",
		"Система работает без ошибок", "Завтра будет солнечная погода",
		"我们会尽快处理您的请求", "请检查订单号码并重试", "这个产品的质量非常好", "明天的天气怎么样",
		"ご注文ありがとうございます", "しばらくお待ちください", "設定を確認してください",
		"안녕하세요 무엇을 도와드릴까요", "주문 번호를 확인해 주세요",
	}

	emoji = []string{"😀", "🎉", "👍🏽", "🚀", "❤️", "🇨🇭", "👩‍💻", "✅"}

	codeLines = []string{
		"\n\tif err != nil {\n\t\treturn fmt.Errorf(\"reading %s: %w\", name, err)\n\t}\n",
		"\n\tfor i, line := range lines {\n\t\tcount[line]++\n\t}\n",
		"\ndef total(values):\n    return sum(v for v in values if v > 0)\n",
		"\nfunc (s *store) find(key string) ([]byte, bool) {\n",
		"\n    print(f\"{name}: {value:.2f}\")\n",
		"\nconst path = \"C:\\\\data\\\\in\"; // Windows\n",
		"\nSELECT id, name FROM orders WHERE total > 100 ORDER BY id;\n",
		"\n<div class=\"row\"><span>total</span></div>\n",
		"\nx = [a[i] * b[i] for i in range(10)]\n",
		"\n{\"kind\": \"order\", \"items\": [1, 2, 3]}\n",
	}
)
