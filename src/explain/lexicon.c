/*
 * lexicon.c
 *	  The words themselves: data.
 *
 * Lists err on the side of refusing: a text that is refused is replaced by
 * one that is known to be true.
 */
#include "postgres.h"

#include "explain/lexicon.h"
#include "explain/plain.h"

#define CLASS(name) RECO_WORD_##name, RECO_WORDING_HISTORY
#define EVENT(name) RECO_WORD_EVENT, RECO_WORDING_##name

const RecoLexicon reco_lexicon[] = {
	{"en", CLASS(CAUSE_NEXT),
	 "because|since|as you|as your|due to|thanks to|owing to|given that|given your|given you|based on|on account "
	 "of|considering|seeing that|in light of|in view of|the reason|reason being|follows from|inspired by|prompted by|drawn from|in line with"},
	{"en", CLASS(CAUSE_BEFORE),
	 "so we|so this|so here|so you|therefore|hence|thus|which is why|that is why|that's why|this is why|consequently|as a result"},
	{"en", CLASS(NEGATIVE),
	 "not|no|never|none|nothing|neither|nor|without|dislike|disliked|dislikes|hate|hated|avoid|avoided|returned|return|"
	 "refunded|refund|unlike|despite|although|bad|worst|worse|regret|regretted|skipped|hid|removed|rejected|unhappy|"
	 "disappointed|poor|boring|stop|stopped|fewer|less|under|below|cannot|barely|hardly|rarely|don't|didn't|doesn't|"
	 "isn't|wasn't|aren't|weren't|can't|couldn't|won't|wouldn't|haven't|hasn't|hadn't|shouldn't|ignored|disapproved|"
	 "complained|instead of|out of your cart|lowly|poorly|badly"},
	{"en", CLASS(HARMLESS),
	 "this one|that one|the one|one you|one of|one for|another one|no doubt|not only|why not|one to|one that|one more "
	 "look|at once"},
	{"en", CLASS(HISTORY), "based on your history|drawn from your history|in line with your history"},
	{"en", CLASS(PROSE),
	 "you|your|yours|we|us|our|it|its|this|that|these|those|the|a|an|and|or|of|for|to|in|on|at|with|by|from|as|is|are|was|"
	 "be|been|has|have|had|may|might|could|would|will|can|because|since|so|therefore|here|there|also|too|both|similar|"
	 "like|likely|suggest|suggested|recommend|recommended|recommendation|chosen|picked|pick|choice|popular|people|history|"
	 "item|items|interest|interested|enjoy|related|which|who|what|when|while|after|before|then|perhaps|maybe|people"},
	{"en", CLASS(FOREIGN),
	 "parce|que|vous|avez|achet\xC3\xA9|weil|sie|haben|gekauft|ihnen|porque|usted|ustedes|compr\xC3\xB3|le|les|des|und|der|das|el|los|las|pour|"
	 "con|perch\xC3\xA9|hai|voc\xC3\xAA|comprou|omdat|je|hebt|nous|mit|f\xC3\xBCr|dies|dieses|est|une|del|para|oder|nicht"},
	{"en", CLASS(CLAIM),
	 "cheap|cheaper|cheapest|price|priced|discount|discounted|sale|bargain|deal|offer|free|save money|affordable|expensive|"
	 "best|top|award|awarded|winner|winning|quality|guaranteed|guarantee|certified|rated by|reviews|review|stars|star|"
	 "new|newest|latest|yesterday|today|tomorrow|tonight|week|weeks|month|months|year|years|season|christmas|recently|last "
	 "time|limited|hurry|only left|soon|stock|near|nearby|city|town|neighbourhood|neighborhood|country|local|region|"
	 "friend|friends|family|wife|husband|children|kids|mother|father|boyfriend|girlfriend|"
	 "you are|you're|you live|you love|you like|you need|you want|you always|you often|you earn|you work|you enjoy|you "
	 "prefer|your age|your job|your home|your income|your taste in|healthy|safe|cures|cure|brand|same author|same maker|perfect|"
	 "goes on sale|shipping|delivery|warranty|exclusive|certainly|definitely|always|everyone's"},
	{"en", CLASS(CROWD),
	 "popular|bestseller|bestselling|best-seller|best-selling|everyone|everybody|people|customers|shoppers|buyers|"
	 "others|trending|favourite of|favorite of|many|crowd|users|community|most bought|hit"},
	{"en", CLASS(PROTECTED),
	 "age|aged|gender|sex|sexual|male|female|man|men|woman|women|girl|boy|lady|race|racial|ethnic|ethnicity|religion|"
	 "religious|christian|muslim|jewish|hindu|buddhist|pregnant|pregnancy|disabled|disability|gay|lesbian|bisexual|"
	 "transgender|nationality|immigrant|political|illness|disease|diabetes|depressed|rich|young|elderly|old|birth|birthday|birthdate|dob|marital|health"},
	{"en", EVENT(BOUGHT), "bought|purchased|ordered|buying|purchase|purchases|buy|order|owned|own"},
	{"en", EVENT(VIEWED), "viewed|looked at|browsed|viewing|looking at|visited|checked out|saw"},
	{"en", EVENT(CART), "cart|basket"},
	{"en", EVENT(RATED), "rated|rating|ratings"},
	{"en", EVENT(LIKED), "liked|favourited|favorited|upvoted|loved|liking"},
	{"en", EVENT(READ), "read|reading"},
	{"en", EVENT(LISTENED), "listened|listening|played|heard"},
	{"en", EVENT(WATCHED), "watched|watching"},
	{"en", EVENT(SAVED), "saved|bookmarked|wishlisted|saving"},
	{"zh", CLASS(CAUSE_NEXT),
	 "因为|由于|鉴于|既然|考虑到|根据|依据|基于|凭借|缘于|得益于|因您|因你|原因是|理由是"},
	{"zh", CLASS(CAUSE_BEFORE), "所以|因此|因而|于是|故而|从而"},
	{"zh", CLASS(NEGATIVE),
	 "不|没|讨厌|退过|退货|退掉|退了|别|避免|差评|勿|未|拒绝|厌恶|后悔|失望|尽管|虽然|移出|隐藏|跳过|糟|低分|少于|不到|反感|并非|投诉|拉黑"},
	{"zh", CLASS(HARMLESS),
	 "不错|不妨|不仅|不但|不止|一起|一样|一些|一定|一直|一下|一款|一致|一般|一并|同一|这一|另一|一同|进一步|统一|一项|"
	 "一件|一种|一类|一个|一看|看一看|一试|试一试|十分|百搭|万一|两者|特别|类别|分别|未来|说不定|差不多|没准|或许"},
	{"zh", CLASS(HISTORY), "根据您的历史记录|与您的历史记录相符|依据您以往的记录|基于您的历史记录"},
	{"zh", CLASS(PROSE),
	 "您|你|的|了|过|和|也|与|推荐|喜欢|商品|这款|因为|由于|所以|为您|可能|感兴趣|类似|相似|热门|记录|历史"},
	{"zh", CLASS(CLAIM),
	 "便宜|打折|折扣|优惠|特价|价格|降价|促销|免费|实惠|最好|最佳|顶级|获奖|质量|品质|保证|正品|认证|好评|评价|新款|新品|"
	 "最新|昨天|今天|明天|上周|本周|本月|今年|去年|圣诞|最近|限时|限量|赶快|快抢|库存|附近|本地|城市|同城|地区|朋友|家人|妻子|"
	 "丈夫|孩子|母亲|父亲|您是|您住|您爱|您需要|您总|您经常|您热爱|您偏爱|年纪|工作|收入|健康|安全|治疗|品牌|作者|完美|包邮|"
	 "快递|保修|独家|肯定|绝对|必买"},
	{"zh", CLASS(CROWD),
	 "热门|畅销|大家|人人|顾客|用户|买家|人气|受欢迎|许多人|很多人|多人|网友|流行|爆款|榜"},
	{"zh", CLASS(PROTECTED),
	 "年龄|性别|男性|女性|男人|女人|女士|先生|女孩|男孩|种族|民族|宗教|基督|穆斯林|佛教|怀孕|孕妇|残疾|同性恋|国籍|移民|"
	 "政治|疾病|糖尿病|抑郁|有钱|年轻|老人|老年|岁|生日|婚姻"},
	{"zh", EVENT(BOUGHT), "买过|购买|买了|下单|入手|选购|买下|买的"},
	{"zh", EVENT(VIEWED), "看过|浏览|查看|看了|点击"},
	{"zh", EVENT(CART), "购物车|加购"},
	{"zh", EVENT(RATED), "打过分|评分|打分|打过高分|评过|高分"},
	{"zh", EVENT(LIKED), "赞过|点赞|喜欢过|点过赞"},
	{"zh", EVENT(READ), "读过|阅读|读了"},
	{"zh", EVENT(LISTENED), "听过|收听|听了"},
	{"zh", EVENT(WATCHED), "观看|看过|看了"},
	{"zh", EVENT(SAVED), "收藏"},
};

const int reco_n_lexicon = lengthof(reco_lexicon);

/* has_word says whether a text has one of the words of an entry. */
static bool
has_word(const RecoPlain *text, const RecoLexicon *entry)
{
	const char *at = entry->words;

	while (*at != '\0')
	{
		int length = (int) strcspn(at, "|");
		RecoPlain word = reco_plain_utf8(at, length);

		if (reco_plain_find(text, 0, &word) >= 0)
			return true;
		at += length + (at[length] == '|');
	}
	return false;
}

bool
reco_lexicon_protects(const char *name)
{
	char *spaced = pstrdup(name);
	RecoPlain text;

	for (char *at = spaced; *at != '\0'; at++)
		if (*at == '_' || *at == '-')
			*at = ' ';
	text = reco_plain_make(spaced);
	for (int l = 0; l < reco_n_lexicon; l++)
		if (reco_lexicon[l].class == RECO_WORD_PROTECTED && has_word(&text, &reco_lexicon[l]))
			return true;
	return false;
}
