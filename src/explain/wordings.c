/*
 * wordings.c
 *	  The wordings that reco brings: data, in UTF-8.
 *
 * Variants of one kind say the same, so that a page does not repeat itself;
 * none adds a fact.  "history" is worded as a cause, so it is used for evidence
 * whose removal lowers the score (G3) and for nothing else.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "explain/templates.h"

#define KIND(name) RECO_WORDING_##name

const RecoBuiltinWording reco_builtin_wording[] = {
	{KIND(HISTORY), "en", 1, 1, "because {clauses}", NULL},
	{KIND(HISTORY), "en", 2, 1, "since {clauses}", NULL},
	{KIND(HISTORY), "en", 3, 1, "chosen because {clauses}", NULL},
	{KIND(HISTORY), "en", 4, 1, "suggested because {clauses}", NULL},
	{KIND(SIMILAR), "en", 1, 1, "similar to {items}", NULL},
	{KIND(SIMILAR), "en", 2, 1, "much like {items}", NULL},
	{KIND(SIMILAR), "en", 3, 1, "akin to {items}", NULL},
	{KIND(SIMILAR), "en", 4, 1, "close to {items}", NULL},
	{KIND(POPULAR), "en", 1, 0, "popular with other customers", NULL},
	{KIND(POPULAR), "en", 2, 0, "a popular choice", NULL},
	{KIND(POPULAR), "en", 3, 0, "among the popular items", NULL},
	{KIND(POPULAR), "en", 4, 0, "popular here", NULL},
	{KIND(POPULAR_COUNT), "en", 1, 1, "popular: chosen by {count}+ people", NULL},
	{KIND(POPULAR_COUNT), "en", 2, 1, "{count}+ people chose this", NULL},
	{KIND(POPULAR_COUNT), "en", 3, 1, "a popular choice of {count}+ people", NULL},
	{KIND(POPULAR_AMONG), "en", 1, 0, "popular in {value}", NULL},
	{KIND(POPULAR_AMONG), "en", 2, 0, "a popular choice in {value}", NULL},
	{KIND(POPULAR_AMONG), "en", 3, 0, "among the popular items in {value}", NULL},
	{KIND(RATING), "en", 1, 0, "rated about {value} by other customers", NULL},
	{KIND(RATING), "en", 2, 0, "others rate it about {value}", NULL},
	{KIND(RATING), "en", 3, 0, "about {value} in the ratings of others", NULL},
	{KIND(NEW), "en", 1, 0, "new to customers", NULL},
	{KIND(NEW), "en", 2, 0, "still new to customers", NULL},
	{KIND(NEW), "en", 3, 0, "something new to customers", NULL},
	{KIND(PROMOTED), "en", 1, 0, "promoted", NULL},
	{KIND(PROMOTED), "en", 2, 0, "a promoted item", NULL},
	{KIND(PROMOTED), "en", 3, 0, "shown because it is promoted", NULL},
	{KIND(FALLBACK), "en", 1, 0, "based on your history", NULL},
	{KIND(FALLBACK), "en", 2, 0, "drawn from your history", NULL},
	{KIND(FALLBACK), "en", 3, 0, "in line with your history", NULL},
	{KIND(PROFILE), "en", 1, 0, "based on your profile", NULL},
	{KIND(PROFILE), "en", 2, 0, "drawn from your profile", NULL},
	{KIND(PROFILE), "en", 3, 0, "in line with your profile", NULL},
	{KIND(GENERAL), "en", 1, 0, "a general suggestion", NULL},
	{KIND(GENERAL), "en", 2, 0, "suggested in general", NULL},
	{KIND(GENERAL), "en", 3, 0, "a suggestion for anyone", NULL},
	{KIND(BOUGHT), "en", 1, 1, "{you} bought {items}", NULL},
	{KIND(BOUGHT), "en", 2, 1, "{you} purchased {items}", NULL},
	{KIND(VIEWED), "en", 1, 1, "{you} viewed {items}", NULL},
	{KIND(VIEWED), "en", 2, 1, "{you} looked at {items}", NULL},
	{KIND(CART), "en", 1, 1, "{you} added {items} to your cart", NULL},
	{KIND(CART), "en", 2, 1, "{you} put {items} into your cart", NULL},
	{KIND(RATED), "en", 1, 1, "{you} rated {items}", NULL},
	{KIND(RATED_HIGHLY), "en", 1, 1, "{you} rated {items} highly", NULL},
	{KIND(LIKED), "en", 1, 1, "{you} liked {items}", NULL},
	{KIND(READ), "en", 1, 1, "{you} read {items}", NULL},
	{KIND(LISTENED), "en", 1, 1, "{you} listened to {items}", NULL},
	{KIND(WATCHED), "en", 1, 1, "{you} watched {items}", NULL},
	{KIND(SAVED), "en", 1, 1, "{you} saved {items}", NULL},
	{KIND(OTHER_EVENT), "en", 1, 1, "your history includes {items}", NULL},
	{KIND(OTHER_EVENT), "en", 2, 1, "{you} have {items} in your history", NULL},
	{KIND(RETURNED), "en", 1, 1, "{you} returned {items}", NULL},
	{KIND(DISLIKED), "en", 1, 1, "{you} disliked {items}", NULL},
	{KIND(SKIPPED), "en", 1, 1, "{you} skipped {items}", NULL},
	{KIND(HID), "en", 1, 1, "{you} hid {items}", NULL},
	{KIND(UNCART), "en", 1, 1, "{you} took {items} out of your cart", NULL},
	{KIND(CATEGORY), "en", 1, 0, "{it} belongs to {value}", NULL},
	{KIND(CATEGORY), "en", 2, 0, "{it} is in the category {value}", NULL},
	{KIND(BRAND), "en", 1, 0, "{it} is by {value}", NULL},
	{KIND(PRICE), "en", 1, 0, "{it} is priced at {value}", NULL},
	{KIND(PRICE), "en", 2, 0, "{it} costs {value}", NULL},
	{KIND(FEATURE), "en", 1, 0, "{it} has {value} as its {name}", NULL},
	{KIND(FEATURE_WHOLE), "en", 1, 0, "its {name} fits you", NULL},
	{KIND(OWN_FEATURE), "en", 1, 0, "your {name} is {value}", NULL},
	{KIND(OWN_FEATURE), "en", 2, 0, "{value} is your {name}", NULL},
	{KIND(REVIEWED), "en", 1, 1, "rated highly for {name} by {count}+ people", NULL},
	{KIND(REVIEWED), "en", 2, 1, "{count}+ people rated it highly for {name}", NULL},
	{KIND(REVIEWED), "en", 3, 1, "high ratings for {name} from {count}+ people", NULL},
	{KIND(EVIDENCE), "en", 1, 1, "{items} in your history", NULL},
	{KIND(DISLIKE), "en", 1, 1, "your dislike of {items}", NULL},
	{KIND(AVERAGE), "en", 1, 0, "the average rating of all items", NULL},
	{KIND(ITEM), "en", 1, 0, "how this item is rated compared with the average", NULL},
	{KIND(RATER), "en", 1, 0, "how you rate compared with the average", NULL},
	{KIND(PRIOR), "en", 1, 0, "what is expected when nothing is known of you", NULL},
	{KIND(ATTRIBUTE), "en", 1, 0, "what this item is", NULL},
	{KIND(REST), "en", 1, 0, "{count|1 other item|# other items} in your history", NULL},
	{KIND(NO_HISTORY), "en", 1, 0, "your history has nothing that the model knows", NULL},
	{KIND(REMAINDER), "en", 1, 0, "everything else", NULL},
	{KIND(ANY_ITEM), "en", 1, 0, "what is expected when nothing is known of the item", NULL},
	{KIND(RESIDUAL), "en", 1, 0, "what its attributes do not account for", NULL},
	{KIND(HIDDEN), "en", 1, 0, "attributes that you may not see", NULL},
	{KIND(MEMBER), "en", 1, 0, "what model {name} says", NULL},
	{KIND(ITS_NAME), "en", 1, 0, "its {name}", NULL},
	{KIND(YOUR_NAME), "en", 1, 0, "your {name}", NULL},
	{KIND(ITS_MISSING), "en", 1, 0, "its {name}: not known", NULL},
	{KIND(YOUR_MISSING), "en", 1, 0, "your {name}: not known", NULL},
	{KIND(ITS_OTHER), "en", 1, 0, "its {name}: a rare one", NULL},
	{KIND(YOUR_OTHER), "en", 1, 0, "your {name}: a rare one", NULL},
	{KIND(YOU), "en", 1, 0, "you", NULL},
	{KIND(IT), "en", 1, 0, "it", NULL},
	{KIND(VALUE), "en", 1, 0, "\xE2\x80\x9C{text}\xE2\x80\x9D", "\"{text}\""},
	{KIND(BAND_BELOW), "en", 1, 0, "less than {b}", NULL},
	{KIND(BAND_WITHIN), "en", 1, 0, "{a} to {b}", NULL},
	{KIND(BAND_ABOVE), "en", 1, 0, "{a} or more", NULL},
	{KIND(LABEL), "en", 1, 0, "\xE2\x80\x9C{text}\xE2\x80\x9D", "\"{text}\""},
	{KIND(ID), "en", 1, 0, "item {text}", NULL},
	{KIND(JOIN_ITEMS), "en", 1, 0, "{a} and {b}", NULL},
	{KIND(JOIN_CLAUSES), "en", 1, 0, "{a} and {b}", NULL},
	{KIND(JOIN_FEATURES), "en", 1, 0, "{a} and {b}", NULL},
	{KIND(JOIN_REVIEW), "en", 1, 0, "{a}; {b}", NULL},
	{KIND(PICTURE), "en", 1, 0, "Why {items}", NULL},
	{KIND(PICTURE_SCORE), "en", 1, 0, "score", NULL},
	{KIND(PICTURE_SUM), "en", 1, 0, "score {value}, the sum of the rows", NULL},

	{KIND(HISTORY), "zh", 1, 1, "因为{clauses}", NULL},
	{KIND(HISTORY), "zh", 2, 1, "由于{clauses}", NULL},
	{KIND(HISTORY), "zh", 3, 1, "为您推荐，因为{clauses}", NULL},
	{KIND(HISTORY), "zh", 4, 1, "因为{clauses}，所以为您推荐", NULL},
	{KIND(SIMILAR), "zh", 1, 1, "与{items}相似", NULL},
	{KIND(SIMILAR), "zh", 2, 1, "和{items}类似", NULL},
	{KIND(SIMILAR), "zh", 3, 1, "同{items}相近", NULL},
	{KIND(POPULAR), "zh", 1, 0, "受其他顾客欢迎", NULL},
	{KIND(POPULAR), "zh", 2, 0, "热门之选", NULL},
	{KIND(POPULAR), "zh", 3, 0, "热门商品", NULL},
	{KIND(POPULAR_COUNT), "zh", 1, 1, "热门：{count}多人选择", NULL},
	{KIND(POPULAR_COUNT), "zh", 2, 1, "已有{count}多人选择", NULL},
	{KIND(POPULAR_COUNT), "zh", 3, 1, "{count}多人的选择", NULL},
	{KIND(POPULAR_AMONG), "zh", 1, 0, "在{value}很受欢迎", NULL},
	{KIND(POPULAR_AMONG), "zh", 2, 0, "{value}的热门之选", NULL},
	{KIND(POPULAR_AMONG), "zh", 3, 0, "{value}的热门商品", NULL},
	{KIND(RATING), "zh", 1, 0, "其他顾客的评分约为{value}", NULL},
	{KIND(RATING), "zh", 2, 0, "其他人给它打分约{value}", NULL},
	{KIND(RATING), "zh", 3, 0, "顾客评分在{value}左右", NULL},
	{KIND(NEW), "zh", 1, 0, "对顾客来说是新品", NULL},
	{KIND(NEW), "zh", 2, 0, "顾客还不熟悉的新品", NULL},
	{KIND(NEW), "zh", 3, 0, "顾客眼中的新品", NULL},
	{KIND(PROMOTED), "zh", 1, 0, "推广", NULL},
	{KIND(PROMOTED), "zh", 2, 0, "推广商品", NULL},
	{KIND(PROMOTED), "zh", 3, 0, "因推广而展示", NULL},
	{KIND(FALLBACK), "zh", 1, 0, "根据您的历史记录推荐", NULL},
	{KIND(FALLBACK), "zh", 2, 0, "与您的历史记录相符", NULL},
	{KIND(FALLBACK), "zh", 3, 0, "依据您以往的记录", NULL},
	{KIND(PROFILE), "zh", 1, 0, "根据您的资料推荐", NULL},
	{KIND(PROFILE), "zh", 2, 0, "与您的资料相符", NULL},
	{KIND(PROFILE), "zh", 3, 0, "依据您的资料", NULL},
	{KIND(GENERAL), "zh", 1, 0, "通用推荐", NULL},
	{KIND(GENERAL), "zh", 2, 0, "面向大家的推荐", NULL},
	{KIND(GENERAL), "zh", 3, 0, "适合大家的推荐", NULL},
	{KIND(BOUGHT), "zh", 1, 1, "{you}买过{items}", NULL},
	{KIND(BOUGHT), "zh", 2, 1, "{you}购买过{items}", NULL},
	{KIND(VIEWED), "zh", 1, 1, "{you}浏览过{items}", NULL},
	{KIND(VIEWED), "zh", 2, 1, "{you}看过{items}", NULL},
	{KIND(CART), "zh", 1, 1, "{you}把{items}加入了购物车", NULL},
	{KIND(RATED), "zh", 1, 1, "{you}给{items}打过分", NULL},
	{KIND(RATED_HIGHLY), "zh", 1, 1, "{you}给{items}打过高分", NULL},
	{KIND(LIKED), "zh", 1, 1, "{you}赞过{items}", NULL},
	{KIND(READ), "zh", 1, 1, "{you}读过{items}", NULL},
	{KIND(LISTENED), "zh", 1, 1, "{you}听过{items}", NULL},
	{KIND(WATCHED), "zh", 1, 1, "{you}观看过{items}", NULL},
	{KIND(SAVED), "zh", 1, 1, "{you}收藏过{items}", NULL},
	{KIND(OTHER_EVENT), "zh", 1, 1, "{you}有{items}的记录", NULL},
	{KIND(OTHER_EVENT), "zh", 2, 1, "{you}有过{items}的记录", NULL},
	{KIND(RETURNED), "zh", 1, 1, "{you}退过{items}", NULL},
	{KIND(DISLIKED), "zh", 1, 1, "{you}不喜欢{items}", NULL},
	{KIND(SKIPPED), "zh", 1, 1, "{you}跳过了{items}", NULL},
	{KIND(HID), "zh", 1, 1, "{you}隐藏了{items}", NULL},
	{KIND(UNCART), "zh", 1, 1, "{you}把{items}移出了购物车", NULL},
	{KIND(CATEGORY), "zh", 1, 0, "{it}属于{value}", NULL},
	{KIND(CATEGORY), "zh", 2, 0, "{it}归在{value}类", NULL},
	{KIND(BRAND), "zh", 1, 0, "{it}出自{value}", NULL},
	{KIND(PRICE), "zh", 1, 0, "{it}价格为{value}", NULL},
	{KIND(PRICE), "zh", 2, 0, "{it}价位在{value}", NULL},
	{KIND(FEATURE), "zh", 1, 0, "其{name}为{value}", NULL},
	{KIND(FEATURE), "zh", 2, 0, "其{name}是{value}", NULL},
	{KIND(FEATURE_WHOLE), "zh", 1, 0, "它的{name}适合您", NULL},
	{KIND(OWN_FEATURE), "zh", 1, 0, "您的{name}是{value}", NULL},
	{KIND(OWN_FEATURE), "zh", 2, 0, "您的{name}为{value}", NULL},
	{KIND(REVIEWED), "zh", 1, 1, "{count}多人对其{name}给出高分", NULL},
	{KIND(REVIEWED), "zh", 2, 1, "{name}获{count}多人高分评价", NULL},
	{KIND(REVIEWED), "zh", 3, 1, "{name}有{count}多人打出高分", NULL},
	{KIND(EVIDENCE), "zh", 1, 1, "您历史记录中的{items}", NULL},
	{KIND(DISLIKE), "zh", 1, 1, "您不喜欢{items}", NULL},
	{KIND(AVERAGE), "zh", 1, 0, "所有商品的平均评分", NULL},
	{KIND(ITEM), "zh", 1, 0, "该商品的评分与平均之差", NULL},
	{KIND(RATER), "zh", 1, 0, "您的评分与平均之差", NULL},
	{KIND(PRIOR), "zh", 1, 0, "对您一无所知时的预期", NULL},
	{KIND(ATTRIBUTE), "zh", 1, 0, "该商品本身的特点", NULL},
	{KIND(REST), "zh", 1, 0, "您历史记录中的另外{count}件商品", NULL},
	{KIND(NO_HISTORY), "zh", 1, 0, "您的历史记录中没有模型认识的商品", NULL},
	{KIND(REMAINDER), "zh", 1, 0, "其余部分", NULL},
	{KIND(ANY_ITEM), "zh", 1, 0, "对商品一无所知时的预期", NULL},
	{KIND(RESIDUAL), "zh", 1, 0, "属性无法说明的部分", NULL},
	{KIND(HIDDEN), "zh", 1, 0, "您无权查看的属性", NULL},
	{KIND(MEMBER), "zh", 1, 0, "模型{name}的评分", NULL},
	{KIND(ITS_NAME), "zh", 1, 0, "它的{name}", NULL},
	{KIND(YOUR_NAME), "zh", 1, 0, "您的{name}", NULL},
	{KIND(ITS_MISSING), "zh", 1, 0, "它的{name}：未知", NULL},
	{KIND(YOUR_MISSING), "zh", 1, 0, "您的{name}：未知", NULL},
	{KIND(ITS_OTHER), "zh", 1, 0, "它的{name}：较少见", NULL},
	{KIND(YOUR_OTHER), "zh", 1, 0, "您的{name}：较少见", NULL},
	{KIND(YOU), "zh", 1, 0, "您", NULL},
	{KIND(IT), "zh", 1, 0, "它", NULL},
	{KIND(VALUE), "zh", 1, 0, "“{text}”", NULL},
	{KIND(BAND_BELOW), "zh", 1, 0, "{b}以下", NULL},
	{KIND(BAND_WITHIN), "zh", 1, 0, "{a}至{b}", NULL},
	{KIND(BAND_ABOVE), "zh", 1, 0, "{a}以上", NULL},
	{KIND(LABEL), "zh", 1, 0, "《{text}》", NULL},
	{KIND(ID), "zh", 1, 0, "商品{text}", NULL},
	{KIND(JOIN_ITEMS), "zh", 1, 0, "{a}和{b}", NULL},
	{KIND(JOIN_CLAUSES), "zh", 1, 0, "{a}，也{b}", NULL},
	{KIND(JOIN_FEATURES), "zh", 1, 0, "{a}，且{b}", NULL},
	{KIND(JOIN_REVIEW), "zh", 1, 0, "{a}；{b}", NULL},
	{KIND(PICTURE), "zh", 1, 0, "为什么是{items}", NULL},
	{KIND(PICTURE_SCORE), "zh", 1, 0, "得分", NULL},
	{KIND(PICTURE_SUM), "zh", 1, 0, "得分 {value}，为以下各项之和", NULL},
};

const int reco_n_builtin_wordings = lengthof(reco_builtin_wording);

/* What columns are often called, in UTF-8. */
typedef struct ColumnName
{
	const char *lang;
	const char *column; /* lower case, with spaces for underscores */
	const char *said;
} ColumnName;

static const ColumnName column_name[] = {
	{"zh", "artist", "艺术家"},    {"zh", "author", "作者"},         {"zh", "authors", "作者"},
	{"zh", "brand", "品牌"},       {"zh", "categories", "类别"},     {"zh", "category", "类别"},
	{"zh", "city", "城市"},        {"zh", "color", "颜色"},          {"zh", "colour", "颜色"},
	{"zh", "comfort", "舒适度"},   {"zh", "country", "国家"},        {"zh", "department", "部门"},
	{"zh", "description", "描述"}, {"zh", "design", "设计"},         {"zh", "director", "导演"},
	{"zh", "duration", "时长"},    {"zh", "format", "格式"},         {"zh", "genre", "类型"},
	{"zh", "genres", "类型"},      {"zh", "language", "语言"},       {"zh", "length", "长度"},
	{"zh", "maker", "制造商"},     {"zh", "manufacturer", "制造商"}, {"zh", "material", "材质"},
	{"zh", "pages", "页数"},       {"zh", "price", "价格"},          {"zh", "publisher", "出版社"},
	{"zh", "quality", "质量"},     {"zh", "region", "地区"},         {"zh", "season", "季节"},
	{"zh", "segment", "客户群"},   {"zh", "size", "尺寸"},           {"zh", "style", "风格"},
	{"zh", "tag", "标签"},         {"zh", "tags", "标签"},           {"zh", "taste", "口味"},
	{"zh", "title", "标题"},       {"zh", "type", "类型"},           {"zh", "value", "性价比"},
	{"zh", "weight", "重量"},      {"zh", "year", "年份"},
};

char *
reco_wording_column(const char *lang, const char *name)
{
	size_t length = strcspn(lang, "-_");

	for (size_t c = 0; c < lengthof(column_name); c++)
		if (strlen(column_name[c].lang) == length && pg_strncasecmp(column_name[c].lang, lang, length) == 0 &&
			pg_strcasecmp(column_name[c].column, name) == 0)
			return reco_wording_convert(column_name[c].said);
	return NULL;
}

/* is_ascii says whether a pattern is the same in every encoding. */
static bool
is_ascii(const char *pattern)
{
	for (; *pattern != '\0'; pattern++)
		if (IS_HIGHBIT_SET(*pattern))
			return false;
	return true;
}

char *
reco_wording_convert(const char *utf8)
{
	int length = (int) strlen(utf8);
	int encoding = GetDatabaseEncoding();
	int room = length * MAX_CONVERSION_GROWTH + 1;
	Oid procedure;
	unsigned char *converted;

	if (encoding == PG_UTF8)
		return pstrdup(utf8);
	procedure = encoding == PG_SQL_ASCII ? InvalidOid : FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(procedure))
		return NULL;
	converted = palloc(room);
	if (pg_do_encoding_conversion_buf(procedure, PG_UTF8, encoding,
									  (unsigned char *) unconstify(char *, utf8), length, converted, room,
									  true) != length)
		return NULL;
	return (char *) converted;
}

char *
reco_wording_encode(const RecoBuiltinWording *wording)
{
	char *converted;

	if (is_ascii(wording->pattern))
		return pstrdup(wording->pattern);
	converted = reco_wording_convert(wording->pattern);
	if (converted == NULL && wording->ascii != NULL)
		return pstrdup(wording->ascii);
	return converted;
}
