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
#include "utils/hsearch.h"

/* Names of attributes that are remembered, at most. */
#define MOST_NAMES 1024

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
	 "look|at once|one more|worth considering|worth a thought|liked by|would pair|we pair|to pair|pair it|pair this|pair them|pair with|pair well|a good pair|"
	 "perfect pair|make a pair|we saw|we looked at|came across|come across|same family|just like|you once|in view|strength of|room for|to your liking|to your taste|hope you like|hope you enjoy|think you like|do you enjoy|do you like|if you enjoy|if you like|should you like|when you like|neighbour of|neighbor of|one and the same|no wonder|no surprise|nothing like|next read|reading list"},
	{"en", CLASS(HISTORY), "based on your history|drawn from your history|in line with your history"},
	{"en", CLASS(PROFILE), "based on your profile|drawn from your profile|in line with your profile"},
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
	{"en", EVENT(BOUGHT),
	 "bought|purchased|ordered|buying|purchase|purchases|buy|order|orders|ordering|purchasing|owned|own|owns|owning"},
	{"en", EVENT(VIEWED), "viewed|looked at|browsed|viewing|looking at|visited|checked out|saw"},
	{"en", EVENT(CART), "cart|basket|added"},
	{"en", EVENT(RATED), "rated|rating|ratings|highly"},
	{"en", EVENT(LIKED), "liked|favourited|favorited|upvoted|loved|liking"},
	{"en", EVENT(READ), "read|reading"},
	{"en", EVENT(LISTENED), "listened|listening|played|heard"},
	{"en", EVENT(WATCHED), "watched|watching"},
	{"en", EVENT(SAVED), "saved|bookmarked|wishlisted|saving"},
	{"en", CLASS(NEUTRAL),
	 "in general|general|anyone|a|an|the|and|or|i|got|fan|fans|thinking|plus|works well|works with|that works|fond of|goodness of fit|across from|got along|their|theirs|them|buyer|buyers|shopper|customer|owner|as|of|for|to|in|on|at|with|by|from|into|onto|about|around|along|among|alongside|beside|"
	 "besides|between|after|before|through|toward|towards|upon|via|within|next to|next|together|over|more than|"
	 "than|you|your|yours|yourself|you've|you'll|you'd|we|we've|we'll|we'd|we're|us|our|ours|it|it's|its|itself|"
	 "this|that|that's|these|those|there|there's|here|here's|one|ones|something|someone|anything|another|other|"
	 "others|both|each|any|some|such|what|what's|which|who|when|where|while|why|how|whether|if|then|all|is|are|"
	 "was|were|be|been|being|am|has|have|having|had|do|does|did|may|might|could|would|should|will|can|let|lets|"
	 "let's|also|too|well|perhaps|maybe|possibly|probably|likely|quite|rather|really|very|much|more|just right|"
	 "nicely|naturally|closely|further|either|simply|especially|particularly|accordingly|directly|easily|"
	 "fittingly|similarly|likewise|indeed|often|up|out|off|even|still|earlier|previously|already|yes|ok|please|"
	 "hello|hi|dear|thank|thanks|say|way|suggest|suggests|suggested|suggesting|suggestion|suggestions|recommend|"
	 "recommends|recommended|recommending|recommendation|recommendations|propose|proposed|pick|picks|picked|"
	 "picking|hand|choose|chooses|chose|chosen|choosing|choice|choices|select|selects|selected|selecting|"
	 "selection|present|presented|feature|featured|show|shows|showed|shown|showing|bring|brings|brought|"
	 "offer you|give|gives|gave|given|share|shares|sharing|shared|include|includes|included|including|add|adds|"
	 "adding|addition|additional|put|puts|place|placed|list|listed|lists|think|thinks|thought|believe|believed|"
	 "believes|feel|feels|felt|guess|guessed|hope|hopes|hoping|expect|expected|reckon|assume|imagine|suppose|"
	 "figured|figure|notice|noticed|noticing|saw that|see|seen|sees|seeing|find|finds|found|finding|"
	 "discover|discovered|explore|exploring|try|trying|consider|considers|considered|look|looks|looking|glance|"
	 "peek|check|meet|take|takes|taking|turn|turns|want to|wanted to|like to|wish to|enjoy|enjoys|"
	 "enjoyed|like|likes|liked by|love to|appreciate|appreciates|appeal|appeals|appealing|interest|interests|"
	 "interested|interesting|intrigue|pleased|suit|suits|suited|suitable|fit|fits|fitting|fitted|match|matches|"
	 "matched|matching|go|goes|going|went|pair|pairs|paired|pairing|complement|complements|complementary|"
	 "complementing|accompany|accompanies|accompanying|follow|follows|followed|following|continue|continues|"
	 "continuing|build|builds|building|relate|relates|related|relating|resemble|resembles|resembling|come|comes|"
	 "came|coming|combine|combines|combined|combining|combination|connect|connects|connected|connecting|"
	 "connection|link|links|linked|belong|belongs|belonging|lie|lies|sit|sits|stand|stands|rest|rests|seem|"
	 "seems|seemed|appear|appears|appeared|tend|tends|tell|tells|told|help|helps|helpful|make|makes|made us|"
	 "lead|leads|led|point|points|pointed|pointing|inspire|inspires|inspired|inspiring|inspiration|base|based|"
	 "basis|draw|draws|drawn|tailor|tailored|prompt|prompts|prompted|trigger|triggered|remind|reminds|reminded|"
	 "reflect|reflects|reflecting|echo|echoes|round|rounds|extend|extends|extending|expand|expands|expanding|"
	 "stem|stems|derive|derived|arise|arises|catch|catches|caught|use|used|useful|uses|serve|"
	 "serves|work together|works together|serves as|start|starting|starts|began|begins|step|steps|join|joins|"
	 "joining|mention|mentioned|want|mean|means|meant|apply|applies|align|aligns|aligned|overlap|overlaps|item|"
	 "items|product|products|article|articles|title|titles|thing|things|piece|pieces|companion|companions|"
	 "company|partner|partners|counterpart|follow-up|option|options|idea|ideas|tip|hint|clue|signal|taste|"
	 "spirit|style|kind|kinds|type|types|sort|sorts|vein|line|lines|area|theme|themes|category|direction|range|"
	 "reason|reasons|account|light|view of|mind|moment|eye|attention|collection|set|history|past|record|records|"
	 "profile|browsing|activity|possession|possessions|owner|owners|need|needs|purpose|liking|"
	 "parallel|parallels|similarity|similarities|"
	 "resemblance|common|part|parts|side|pointer|guide|context|logic|path|route|journey|search for|answer|"
	 "question|alternative|alternatives|variation|supplement|extra|extras|bit|little|lot|number|few|couple|word|"
	 "words|list of|similar|alike|comparable|close|closer|closest|akin|same|equally|good|great|nice|fine|lovely|"
	 "happy|glad|natural|obvious|ideal|logical|sensible|sense|reasonable|worthwhile|worth|relevant|right|proper|"
	 "possible|potential|personal|welcome|handy|promising|strong|clear|plausible|different|apt|fond|small|own|"
	 "owned|delighted|curious|open|ready|second|first|neat|pleasant|decent|solid|appropriate|keen|certain|"
	 "because|since|due|owing|considering|therefore|hence|thus|so|consequently|result|in mind|hand in hand|"
	 "to go|of use|of interest|"
	 "complete|completes|completing|completed|combo|duo|ensemble|pop|popped|pops|surface|surfaces|surfaced|"
	 "emerge|emerges|emerged|stood|stands out|noted|spotted|gather|gathered|learned|remember|remembered|"
	 "previous|prior|whoever|anyone|everything|wonder|wondering|wondered|explain|explains|explained|"
	 "explanation|fall|falls|deserve|deserves|blend|blends|harmonise|harmonises|harmonize|harmonizes|tie|"
	 "ties|tied|bridge|bridges|fancy|fancies|tempt|tempted|attract|attracts|attracted|speak|speaks|spoke|"
	 "repertoire|roundup|readily|neatly|smoothly|seamlessly|beautifully|well-suited|well-matched|"
	 "like-minded|feels like|felt like|counterparts|matches up|kindred|corresponding|corresponds|"
	 "correspond|respectively|onward|onwards|forward|straight|back to|thing|why not"},
	{"en", CLASS(MODAL),
	 "may|might|could|would|should|will|can|must|shall|cannot|want|wanted|wish|wished|hope|plan|planned"},
	{"en", CLASS(AUXILIARY), "have|has|had|having|been|also|already|previously|earlier|then|to"},
	{"en", CLASS(NOT_READER), "we|they|he|she|i|them|us"},
	{"zh", CLASS(CAUSE_NEXT),
	 "因为|由于|鉴于|既然|考虑到|根据|依据|基于|凭借|缘于|得益于|因您|因你|原因是|理由是"},
	{"zh", CLASS(CAUSE_BEFORE), "所以|因此|因而|于是|故而|从而"},
	{"zh", CLASS(NEGATIVE),
	 "不|没|讨厌|退过|退货|退掉|退了|别|避免|差评|勿|未|拒绝|厌恶|后悔|失望|尽管|虽然|移出|隐藏|跳过|糟|低分|少于|不到|反感|并非|投诉|拉黑"},
	{"zh", CLASS(HARMLESS),
	 "不错|不妨|不仅|不但|不止|一起|一样|一些|一定|一直|一下|一款|一致|一般|一并|同一|这一|另一|一同|进一步|统一|一项|"
	 "之所以|其他|其它|他人|异曲同工|一件|一种|一类|一个|一点|一番|一员|一步|一眼|一如|一体|一套|一对|一组|一脉|一份|一位|一并|不容错过|不二之选|不可或缺|不少|不难|不谋而合|不约而同|别出心裁|别致|别具一格|别样|别的|"
	 "一看|看一看|一试|试一试|十分|百搭|万一|两者|特别|类别|分别|未来|说不定|差不多|没准|或许"},
	{"zh", CLASS(HISTORY), "根据您的历史记录|与您的历史记录相符|依据您以往的记录|基于您的历史记录"},
	{"zh", CLASS(PROFILE), "根据您的资料推荐|与您的资料相符|依据您的资料"},
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
	{"zh", CLASS(NEUTRAL),
	 "受|接触|了解|往来|通用|面向|大家|适合|获|获得|打出|给出|供|供您|显示|互为|常|继|眼光|目光|视线|思绪|念头|缺|缺一|配齐|齐全|凑成|凑|拼|您|你|您的|的|了|过|和|与|跟|同|也|还|都|就|便|能|可以|可|及|以及|或|或者|而|而且|又|并|并且|且|于|在|是|为|给|对|从|向|把|将|让|使|令|这|那|此|其|它|它们|我们|之|"
	 "等|很|较|更|颇|挺|十分|非常|比较|一|个|款|件|种|类|样|些|点|项|会|吗|呢|吧|啊|哦|呀|哪|什么|怎么|如何|为什么|为何|里|中|上|下|前|后|间|以|所|被|由|有|再|来|去|"
	 "看|看看|想|要|想要|需要|愿意|希望|觉得|认为|相信|猜|猜想|估计|想必|应该|应当|大概|也许|或许|可能|兴许|说不定|没准|如果|若|若是|要是|那么|的话|既|只要|无论|不妨|何不|请|欢迎|"
	 "好|不错|很好|挺好|推荐|建议|提议|介绍|分享|带来|送上|送给|奉上|呈上|挑选|精选|精心|挑|选|选择|选出|选中|选了|选取|选购|选定|找到|找来|找|寻找|发现|看到|见到|注意到|留意到|留意|"
	 "注意|得知|知道|了解|认识|考虑|参考|参照|关注|想到|想起|联想|联想到|猜测|推测|判断|结合|综合|出发|延伸|延续|扩展|补充|补足|完善|完整|增添|添|添加|加上|配上|配|配合|配套|搭|搭配|"
	 "搭档|伙伴|伴|伴侣|组合|成套|成对|一对|互补|互相|相互|相配|般配|匹配|契合|吻合|相符|符合|贴合|适合|合适|适用|适宜|合|合意|合您心意|心意|心仪|中意|满意|喜欢|喜爱|喜好|爱好|偏好|"
	 "感兴趣|兴趣|口味|品味|需求|使用|用|用上|用得上|有用|实用|派上用场|试|试试|尝试|一试|体验|看一看|瞧瞧|一看|一下|值得|不容错过|留心|相似|类似|近似|相近|相像|很像|像|如|如同|好比|"
	 "相同|相通|共通|共同|共同点|之处|相关|有关|关联|联系|关系|密切|紧密|接近|靠近|同类|同样|同款|同属|属于|同一|一类|一样|一起|一同|一道|一并|风格|类型|种类|类别|系列|主题|方向|路线|"
	 "特点|特征|用途|功能|相得益彰|呼应|衔接|衬托|锦上添花|出现|常常|往往|经常一起|通常|多半|不少|许多|一些|几分|一点|灵感|想法|主意|线索|依据|根据|理由|原因|原由|缘由|缘故|由来|提示|"
	 "启发|基础|起点|之选|选项|备选|下一个|下一件|下一步|接着|接下来|随后|之后|以后|之前|此前|先前|以往|曾|曾经|已|已经|早已|过去|目前|现在|如今|正好|恰好|刚好|正|恰|自然|顺理成章|"
	 "理所当然|特|特意|特别|专门|专程|特为|因|因为|因此|因而|由于|于是|所以|故|故此|鉴于|基于|凭|凭借|出于|得益于|考虑到|从而|以此|据此|按照|按|依照|对于|关于|至于|围绕|针对|通过|"
	 "随着|包括|包含|含有|其中|当中|之中|之间|拥有|有了|存在|列入|列在|进入|排在|前面|放在|放|归|归入|加入|收录|商品|产品|物品|东西|单品|好物|这款|那款|此款|该款|这件|那件|这个|那个|"
	 "这样|那样|这种|那种|这类|那类|这里|这儿|该|本|订单|记录|历史|历史记录|购物|清单|列表|推荐列表|购买|足迹|人|人们|大家|顾客|用户|买家|多人|各位|选择了|之一|一款|一件|"
	 "一个|一种|一位|一份|几款|几件|另一|另外|其他|其它|别的|同时|除此之外|此外|只是|就是|便是|正是|即|即可|可否|能否|是否|会不会|有没有|愿|帮|帮您|助|帮助|满足|方便|轻松|顺手|称心|"
	 "如意|开心|高兴|期待|谢谢|感谢|您好|你好|买下|买了|买过|买的|入手|下单|拥有的|相当|多么|这么|效果|更好|一致|口碑|喔|嘛|啦|哟|地|得|着|到|起|起来|出|出来|进来|过来|上来|"
	 "回来|当作|作为|视为|当成|算是|称得上|成为|变得|显得|看来|来看|来说|而言|说来|"
	 "完美搭配|适配|调性|气质|格调|系|路数|思路|方案|答案|优选|佳选|首选|同好|同伴|好友|邻近|贴近|近来|顺带|顺便|顺手|一路|沿着|循着|顺着|来自|源自|源于|始于|缘于|起因|起始|"
	 "触发|引出|引导|引向|指向|导向|带到|带出|串联|串起|连接|对应|相应|相仿|仿佛|犹如|好似|似乎|似|仍|依然|依旧|继续|接|再次|再度看看|又一|新的选择|新选择|多一个|多一种|多一份|"
	 "多|少许|稍|稍微|略|颇为|尤其|尤为|格外|分外|真|确实|的确|其实|实在|总之|总的来说|简单来说|换句话说|也就是说|也是|算|可谓|堪称|无疑|当然|自然而然|可能会|或会|能够|足以|"
	 "得以|乐于|乐意|欣赏|青睐|钟意|钟爱|偏爱的|对味|对胃口|口味相近|投缘|有缘|缘分|默契|协调|和谐|融洽|自成一体|浑然一体|相辅相成|相映成趣|珠联璧合|锦上添花"},
	{"zh", CLASS(MODAL), "可能|将|将会|会|应该|应当|本该|该|想|想要|要|也许|或许|希望|愿意|大概"},
	{"zh", CLASS(AUXILIARY), "也|都|已|已经|曾|曾经|之前|此前|去"},
	{"zh", CLASS(NOT_READER), "我们|我|他们|他|她们|她"},
};

const int reco_n_lexicon = lengthof(reco_lexicon);

bool
reco_lexicon_speaks(const char *words, const char *lang)
{
	size_t length = strcspn(lang, "-_");

	return strlen(words) == length && pg_strncasecmp(words, lang, length) == 0;
}

/* has_word says whether a text has one of the words of an entry. */
static bool
has_word(const RecoPlain *text, const RecoLexicon *entry)
{
	RecoPlainWords words = reco_plain_words(entry->words);
	bool has = false;

	for (int w = 0; w < words.n && !has; w++)
		has = reco_plain_find(text, 0, &words.word[w]) >= 0;
	reco_plain_forget(&words);
	return has;
}

/*
 * words_of_name gives the words of a name of a column: "userAge", "user_age" and "age2" have a word "age".  What is no letter
 * parts words, and so does a capital that follows a small letter.
 */
static RecoPlain
words_of_name(const char *name)
{
	RecoPlain whole = reco_plain_make(name);
	RecoPlain words = {0, palloc(sizeof(uint32) * (2 * whole.n + 1)),
					   palloc(sizeof(uint32) * (2 * whole.n + 1))};

	for (int at = 0; at < whole.n; at++)
	{
		uint32 code = whole.code[at];
		bool letter = reco_plain_is_letter(code) || reco_plain_is_han(code);

		if (letter && at > 0 && reco_plain_is_upper(whole.raw[at]) && !reco_plain_is_upper(whole.raw[at - 1]))
			words.code[words.n++] = ' ';
		words.code[words.n++] = letter ? code : ' ';
	}
	return words;
}

/* speaks_of_protected says whether a name has one of the words that reasons do not touch. */
static bool
speaks_of_protected(const char *name)
{
	RecoPlain words = words_of_name(name);
	RecoPlain whole = reco_plain_make(name);

	for (int l = 0; l < reco_n_lexicon; l++)
		if (reco_lexicon[l].class == RECO_WORD_PROTECTED &&
			(has_word(&words, &reco_lexicon[l]) || has_word(&whole, &reco_lexicon[l])))
			return true;
	return false;
}

/* What has been said of a name, kept by the session: every line of a list asks it of every attribute. */
typedef struct KnownName
{
	NameData name;
	bool protects;
} KnownName;

bool
reco_lexicon_protects(const char *name)
{
	static HTAB *known;
	KnownName *entry;

	if (strlen(name) >= NAMEDATALEN)
		return speaks_of_protected(name);
	if (known == NULL || hash_get_num_entries(known) > MOST_NAMES)
	{
		HASHCTL control = {.keysize = NAMEDATALEN, .entrysize = sizeof(KnownName)};

		if (known != NULL)
			hash_destroy(known);
		known = NULL;
		known = hash_create("reco names of attributes", 64, &control, HASH_ELEM | HASH_STRINGS);
	}
	entry = hash_search(known, name, HASH_FIND, NULL);
	if (entry == NULL)
	{
		bool protects = speaks_of_protected(name);

		entry = hash_search(known, name, HASH_ENTER, NULL);
		entry->protects = protects;
	}
	return entry->protects;
}
