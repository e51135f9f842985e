"""Fifteen ways in which news systems build a page, each with the clutter that is usual there."""

import json

from tests.themes.story import NAVIGATION, Story, between, blocks, form, others, page, topics


def blog_with_comments_in_the_article(story: Story) -> str:
    text = between(
        blocks(story),
        (2, f'<div class="wp-caption"><img src="a.jpg"><p class="wp-caption-text">{story.caption}</p></div>'),
        (5, f"<p>{story.advert}</p>"),
    )
    comments = f'<ol class="commentlist"><li><p>{story.comment}</p></li></ol><div id="respond">{form(story)}</div>'
    return page(
        story,
        f'{NAVIGATION}<article class="post author-ida tag-bridge"><h1 class="entry-title">{story.title}</h1>'
        f'<div class="entry-meta">{story.date} <span>{story.byline}</span></div><div class="entry-content">{text}'
        f'<div class="author-box"><h4>{story.author}</h4><p>{story.biography}</p></div><h3>{story.related}</h3>'
        f"<ul>{others(story)}</ul><div id='comments'><h3>{story.comments}</h3>{comments}<p>{story.comment_login}</p>"
        f"<p>9 − nine =</p></div></div></article><div id='sidebar'><h3>{story.most_read}</h3><ul>{others(story)}</ul>"
        f"</div><div id='footer'>{story.copyright}</div>",
    )


def blog_of_blocks(story: Story) -> str:
    figure = f'<figure class="wp-block-image"><img src="a.jpg"><figcaption>{story.caption}</figcaption></figure>'
    text = between(
        blocks(story),
        (1, figure),
        (3, f'<p><strong>{story.read_also}</strong><a href="/n/1">{story.others[0]}</a></p>'),
        (4, f'<div class="wp-block-group"><h3>{story.newsletter}</h3><p>{story.newsletter_text}</p></div>'),
    )
    return page(
        story,
        f'<header>{NAVIGATION}</header><main class="wp-block-group"><h1 class="wp-block-post-title">{story.title}</h1>'
        f'<div class="wp-block-post-date"><time>{story.date}</time></div><div class="entry-content">{text}'
        f'<div class="sharedaddy"><h3>{story.share[0]}</h3></div></div>'
        f'<div class="taxonomy-post_tag">{story.topics} {topics(story)}</div>'
        f'<div class="wp-block-comments"><h2>{story.comments}</h2>{form(story)}</div></main>',
    )


def plain_paragraphs(story: Story) -> str:
    text = between(
        blocks(story, items=False),
        (2, f"<p>{story.player}</p>"),
        (4, f"<p>{story.read_also}<a href='/n/1'>{story.others[0]}</a></p>"),
    )
    labels = "".join(f"<p>{label}</p>" for label in story.comment_form)
    return page(
        story,
        f"<h1>{story.title}</h1><p>{story.byline}</p><p>{story.date}</p>{text}<p>{story.related}</p>"
        f"{others(story, 'p')}<p>{story.comments}</p><p>{story.comment_note}</p>{labels}<p>9 − nine =</p>"
        f"<p>{story.newsletter}</p><p>{story.copyright}</p>",
    )


def soup_of_divs(story: Story) -> str:
    text = between(
        blocks(story, "div", heading="div", items=False),
        (2, f"<div>{story.player}</div>"),
        (4, f"<div>{story.read_also}<a href='/n/1'>{story.others[0]}</a></div>"),
    )
    return page(
        story,
        f"<div><div><div>{story.title}</div><div>{story.byline}</div><div>{story.date}</div>"
        "<div><img src='a.jpg'></div>"
        f"<div><i>{story.caption}</i></div>{text}<div>{story.related}</div>{others(story, 'div')}"
        f"<div>{story.comments}</div><div>{story.comment_note}</div><div>{story.copyright}</div></div></div>",
    )


def soup_of_line_breaks(story: Story) -> str:
    told = story.plain_paragraphs
    text = "<br><br>".join(
        [*told[:3], f"<b>{story.subheading}</b>", *told[3:], story.related, others(story, "b"), story.comments]
    )
    return page(
        story,
        f"<table><tr><td>{NAVIGATION}</td><td><font size='5'>{story.title}</font><br>{story.byline}<br>{story.date}"
        f"<br><br>{text}<br>{story.comment_note}<br>{story.copyright}</td></tr></table>",
    )


def components_with_words_for_screen_readers(story: Story) -> str:
    unseen = '<span style="clip:rect(0 0 0 0);height:1px;position:absolute">, opens new tab</span>'
    text = between(
        blocks(story, "div", names="text__text__1FZLe"), (2, f'<div class="ad-slot__label">{story.advert}</div>')
    ).replace("</a>", f"</a>{unseen}")
    return page(
        story,
        f'<div id="app"><main><article><h1>{story.title}</h1><div class="info__1Epi_"><a href="/a">{story.author}</a>'
        f"<time><span>{story.date}</span><span>{story.updated}</span></time></div>"
        f'<div class="article-body__17Yit">{text}</div><p>{story.copyright}</p>'
        f'<div class="read-next"><h2>{story.related}</h2><ul>{others(story)}</ul></div></article></main></div>',
    )


def fields_of_a_node(story: Story) -> str:
    image = f'<div class="media"><img src="a.jpg"><div class="field--name-field-caption">{story.caption}</div></div>'
    text = between(blocks(story), (2, image))
    rows = others(story, "h3")
    return page(
        story,
        f'<main><h1 class="page-header">{story.title}</h1><article class="node"><footer class="node__meta">'
        f'<span>{story.author}</span> <span>{story.date}</span></footer><div class="node__content">'
        f'<div class="field field--name-body field--type-text-with-summary">{text}</div>'
        f'<div class="field--name-field-tags"><div>{story.topics}</div><div>{topics(story)}</div></div>'
        f'<section class="field--name-comment"><h2>{story.comments}</h2><article class="comment"><p>{story.comment}</p>'
        f'</article>{form(story, "div")}</section></div></article><div class="views">'
        f"<h2>{story.related}</h2>{rows}</div></main>",
    )


def cards_and_callouts(story: Story) -> str:
    card = f'<div class="bookmark-title">{story.others[0]}</div><div>{story.standfirst}</div>'
    text = between(
        blocks(story),
        (3, f'<div class="kg-callout-card"><div class="kg-callout-text">{story.newsletter}</div></div>'),
        (5, f'<figure class="kg-bookmark-card"><a href="/n/1">{card}</a></figure>'),
    )
    more = "".join(
        f"<article class='gh-card'><h3>{title}</h3><p>{story.standfirst}</p></article>" for title in story.others
    )
    return page(
        story,
        f'<main class="gh-main"><article class="gh-article"><header><h1>{story.title}</h1>'
        f'<p class="gh-article-excerpt">{story.standfirst}</p><h4 class="gh-author-name">{story.author}</h4>'
        f'<time>{story.date}</time><span>{story.minutes}</span></header><section class="gh-content">{text}</section>'
        f'</article><section class="is-grid"><h2>{story.related}</h2>{more}</section></main>',
    )


def enhancements(story: Story) -> str:
    figure = f'<figcaption>{story.caption}</figcaption><div class="Figure-credit">({story.credit})</div>'
    promo = f'<p class="PromoA-title"><a href="/n/1">{story.others[0]}</a></p><p>{story.standfirst}</p>'
    text = between(
        blocks(story),
        (1, f'<div class="Enhancement"><bsp-figure class="Figure"><img src="a.jpg">{figure}</bsp-figure></div>'),
        (3, f'<div class="Enhancement"><ps-promo class="PromoA">{promo}</ps-promo></div>'),
    )
    return page(
        story,
        f'<div class="Page-content"><main><h1 class="Page-headline">{story.title}</h1>'
        f'<div class="Page-byline">{story.byline} <span>{story.date}</span></div>'
        f'<div class="Page-storyBody"><div class="RichTextStoryBody">{text}</div></div>'
        f'<div class="AuthorBlurb-bio">{story.biography}</div></main><aside><ul>{others(story)}</ul></aside></div>',
    )


def classes_that_say_how_it_looks(story: Story) -> str:
    caption = f'<p class="mt-2 text-sm">{story.caption} <span>{story.credit}</span></p>'
    text = between(
        blocks(story, names="mb-4 text-lg"),
        (2, f'<div class="my-6"><img src="a.jpg">{caption}</div>'),
        (4, f'<div class="my-8 p-4"><p class="text-sm">{story.related}</p><a href="/n/1">{story.others[0]}</a></div>'),
        (6, f'<div class="p-6"><h3>{story.newsletter}</h3><p class="text-sm">{story.newsletter_text}</p></div>'),
    )
    share = "".join(f"<span>{word}</span>" for word in story.share)
    cards = "".join(
        f"<a href='/n/{number}'><div><h3>{title}</h3><p>{story.standfirst}</p></div></a>"
        for number, title in enumerate(story.others)
    )
    return page(
        story,
        f'<div id="__next"><div class="mx-auto"><h1 class="text-4xl">{story.title}</h1><p>{story.standfirst}</p>'
        f'<div class="mt-4 flex"><span>{story.author}</span><span>{story.date}</span><span>{story.minutes}</span></div>'
        f'<div class="flex gap-2">{share}</div><div class="mt-8">{text}</div>'
        f'<div class="mt-8 flex"><p>{story.author}</p><p>{story.biography}</p></div>'
        f'<h2>{story.related}</h2><div class="grid">{cards}</div></div><div class="p-8">{story.copyright}</div></div>',
    )


def classes_that_say_nothing(story: Story) -> str:
    image = f'<div class="sc-q1"><img src="a.jpg"></div><div class="sc-q2">{story.caption}</div>'
    text = between(
        blocks(story, names="sc-1x2y3z kPqRsT", heading="h3"),
        (1, f'<div class="sc-9a8b7c">{image}</div>'),
        (4, f'<div class="sc-77"><div><span>{story.related}</span></div><a href="/n/2">{story.others[1]}</a></div>'),
    )
    return page(
        story,
        f'<div id="root"><div class="sc-t1"><h1>{story.title}</h1></div><div class="sc-b1"><span>{story.byline}</span>'
        f'<span>{story.date}</span></div><div class="sc-body">{text}</div><div class="sc-g">{topics(story)}</div>'
        f'<div class="sc-c1"><div>{story.comments}</div><div><span>Ulf</span>'
        f"<div>{story.comment}</div></div></div></div>",
    )


def a_box_for_each_paragraph(story: Story) -> str:
    boxes = [f'<section class="text-module"><div class="inner">{block}</div></section>' for block in blocks(story)]
    teaser = f'<section class="teaser-module"><h3>{story.trending}</h3><a href="/n/1">{story.others[0]}</a></section>'
    picture = (
        f'<section class="image-module"><img src="a.jpg"><span class="image-text">{story.caption}</span></section>'
    )
    return page(
        story,
        f'<h1>{story.title}</h1><div class="modules">{between(boxes, (3, teaser))}{picture}'
        f'<section class="list-module"><h2>{story.most_read}</h2>{others(story, "div")}</section></div>',
    )


def a_tail_of_lines(story: Story) -> str:
    text = between(blocks(story), (2, f'<p><a href="/n/1">{story.others[0]}</a></p>'), (4, f"<p>{story.advert}</p>"))
    tail = (
        story.follow,
        story.google_news,
        story.correction,
        story.newsletter,
        story.subscriber,
        f"{story.topics} {topics(story)}",
        story.share[0],
        story.cookies,
        story.copyright,
    )
    return page(
        story,
        f'<div class="story"><h1>{story.title}</h1><p>{story.byline}<br>{story.date}</p><p>{story.updated}</p>{text}'
        f"<p><em>{story.biography}</em></p>{''.join(f'<p>{line}</p>' for line in tail)}</div>",
    )


def text_in_json_alone(story: Story) -> str:
    data = {"@type": "NewsArticle", "headline": story.title, "articleBody": "\n\n".join(story.plain_paragraphs)}
    head = f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>'
    return page(story, '<div id="app"><div class="loading">Loading...</div></div>', head)


def text_in_script_data_alone(story: Story) -> str:
    parts = [{"kind": "p", "html": block} for block in blocks(story, items=False)]
    more = [{"title": title, "summary": story.standfirst} for title in story.others]
    data = {"props": {"pageProps": {"related": more, "article": {"title": story.title, "body": parts}}}}
    script = f'<script id="__NEXT_DATA__" type="application/json">{json.dumps(data)}</script>'
    return page(story, f'<div id="__next"></div>{script}')


WITHOUT_LISTS = (plain_paragraphs, soup_of_divs, soup_of_line_breaks)
WITH_LISTS = (
    blog_with_comments_in_the_article,
    blog_of_blocks,
    components_with_words_for_screen_readers,
    fields_of_a_node,
    cards_and_callouts,
    enhancements,
    classes_that_say_how_it_looks,
    classes_that_say_nothing,
    a_box_for_each_paragraph,
    a_tail_of_lines,
)
