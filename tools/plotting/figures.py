"""The pictures, with matplotlib: what networks reach as a surface, as heat maps and as lines, and the Pareto front."""
import io
import math

import matplotlib

matplotlib.rcdefaults()  # not the user's: the same results give the same file
matplotlib.use("Agg")
matplotlib.rcParams.update({
    "font.size": 10, "axes.titlesize": 11, "axes.labelsize": 10, "figure.facecolor": "white",
    "svg.hashsalt": "gridrun",
})
import matplotlib.patheffects as effects  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.colors import ListedColormap, to_rgb  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402

NONE_COLOUR, UNTRAINED_COLOUR = "#d9d9d9", "white"
OUTLINE = [effects.withStroke(linewidth=3.5, foreground="black")]
MOST_LEARNING_RATES, MOST_COLUMNS = 8, 16  # that an axis has labels for
MOST_ABREAST = 4  # tables
LABEL_COLOURS = {  # readable by the colour-blind, after Okabe and Ito
    "learned": "#009e73", "undertrained": "#56b4e9", "drifting": "#f0e442", "saturated": "#e69f00",
    "diverged": "#d55e00", "frozen": "#0072b2", "dead": "#333333",
}
OTHER_COLOUR = "#cc79a7"  # of labels that this list does not have

# Sizes in inches. A panel is a heat map with the room around it for its labels and its colour bar.
PANEL_WIDTH, PANEL_HEIGHT = 4.9, 4.4
MAP_LEFT, MAP_BOTTOM, MAP_SIZE = 0.65, 0.6, 3.4
FLOAT_HEIGHT = 0.16  # of the row of binary64, which lies within the map's size
BAR_GAP, BAR_WIDTH = 0.09, 0.13
SURFACE_WIDTH, SURFACE_HEIGHT = 7.0, 6.3
LINES_WIDTH, LINES_HEIGHT = 6.4, 4.6
FRONT_WIDTH, FRONT_HEIGHT = 7.5, 5.0
TITLE_HEIGHT, LEGEND_HEIGHT = 0.45, 0.45
METRICS = {"accuracy": "accuracy", "recent_accuracy": "recent accuracy", "test_accuracy": "test accuracy"}
PRECISIONS = {"fraction": "fraction bits", "bits": "bits of a word"}  # other axes are called by their names
HEAT_MAPS = {  # name: title; colours are readable by the colour-blind
    **METRICS,
    "update": r"update: $\log_2(\mathrm{mean}\,|u|\,/\,2^{\mathrm{fraction}})$",
    "error": r"quantization error: $\log_2(\mathrm{mean\ error}\cdot 2^{\mathrm{lr}-\mathrm{fraction}})$",
}
LONG_TITLE = 55  # characters that fit above a surface
PANELS = 4  # the most heat maps of a table


def title_of(name):
    """A heat map's title, or an axis's."""
    return HEAT_MAPS.get(name) or PRECISIONS.get(name) or plain(name)


def plain(text):
    """A text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")


def colours_of(name):
    return "viridis" if name in METRICS else "cividis"


def places(values, axis):
    """Where values lie on an axis whose entries are drawn one apart; NaN off its ends."""
    return np.interp(values, axis, np.arange(len(axis)), left=np.nan, right=np.nan)


def label_axis(axis, values, form, most):
    """Ticks at the entries of a grid's axis, thinned to at most so many."""
    every = -(-len(values) // most)
    axis.set_ticks(range(0, len(values), every), [form(value) for value in values[::every]])


def rate_text(lr):
    return f"$2^{{{-lr}}}$"


def label_grid(axes, run):
    label_axis(axes.xaxis, run.learning_rates, rate_text, MOST_LEARNING_RATES)
    axes.set_xlabel("learning rate")
    if run.axis:
        label_axis(axes.yaxis, run.columns, str, MOST_COLUMNS)
        axes.set_ylabel(title_of(run.axis))
    else:
        axes.yaxis.set_ticks([])


def colour_range(results, name):
    """One range for all tables that have such a map, so that their colours compare."""
    if name in METRICS:
        return 0.0, 1.0
    maps = [run.maps[name] for run in results if name in run.maps]
    known = np.concatenate([values[np.isfinite(values)] for values in maps])
    if not known.size:
        return 0.0, 1.0
    return known.min(), max(known.max(), known.min() + 1e-9)


def draw_cliffs(axes, run):
    """Knees with their intervals, the fitted diagonal cliff and the left cliff; returns what the legend shows."""
    shown = []
    told = run.told
    if told.left_cliff:
        x = places(told.left_cliff, run.learning_rates).mean()
        axes.axvline(x, color="white", linewidth=1.5, linestyle=":", path_effects=OUTLINE)
        shown.append(Line2D([], [], color="white", linewidth=1.5, linestyle=":", path_effects=OUTLINE,
                            label="left cliff"))
    if told.cliff_line:
        lr, column = zip(*told.cliff_line)
        intercept, slope, _ = told.cliff
        label = f"knee = {intercept:.2f} {'-' if slope < 0 else '+'} {abs(slope):.2f} lr"
        shown += axes.plot(places(lr, run.learning_rates), places(column, run.columns), color="white",
                           linewidth=1.8, path_effects=OUTLINE, label=label)
    for lr, low, high in told.knee_intervals:
        axes.plot(places([lr, lr], run.learning_rates), places([low, high], run.columns), color="white", linewidth=1.2,
                  path_effects=OUTLINE)
    for cut_off, label in ((False, "knee"), (True, "knee cut off by the grid")):
        knees = [(lr, knee) for lr, knee, cut in told.knees if cut == cut_off]
        if knees:
            lr, column = zip(*knees)
            shown += axes.plot(places(lr, run.learning_rates), places(column, run.columns), "o", markersize=6,
                               color="none" if cut_off else "white", markeredgecolor="white" if cut_off else "black",
                               markeredgewidth=1.6 if cut_off else 1.0, label=label,
                               path_effects=OUTLINE if cut_off else None)
    return shown


def edges(values):
    """Of cells that are drawn one apart."""
    return np.arange(-0.5, len(values))


def draw_untrained(axes, run):
    """Cells that are not trained; returns what the legend shows."""
    untrained = run.untrained.T
    if not untrained.any():
        return []
    axes.pcolormesh(edges(run.learning_rates), edges(run.columns), np.ma.masked_equal(untrained, False),
                    cmap=ListedColormap([UNTRAINED_COLOUR]))
    return [Patch(facecolor=UNTRAINED_COLOUR, edgecolor="grey", label="not trained")]


def draw_heat_map(sheet, left, bottom, results, run, name):
    """One heat map with its colour bar, and of the metric a row of binary64 above it; returns what the legend shows."""
    has_float = name == run.metric and run.baseline is not None
    height = MAP_SIZE - (FLOAT_HEIGHT + BAR_GAP if has_float else 0)
    axes = sheet.axes(left, bottom, MAP_SIZE, height)
    bar_axes = sheet.axes(left + MAP_SIZE + BAR_GAP, bottom, BAR_WIDTH, MAP_SIZE)
    low, high = colour_range(results, name)
    values = np.ma.masked_invalid(run.maps[name].T)
    axes.set_facecolor(NONE_COLOUR)
    image = axes.pcolormesh(edges(run.learning_rates), edges(run.columns), values, cmap=colours_of(name), vmin=low,
                            vmax=high)
    axes.figure.colorbar(image, cax=bar_axes).outline.set_visible(False)
    label_grid(axes, run)
    shown = draw_cliffs(axes, run)
    if (np.ma.getmaskarray(values) & ~run.untrained.T).any():
        shown.append(Patch(facecolor=NONE_COLOUR, edgecolor="grey", label="none: zero"))
    top = axes
    if has_float:
        top = sheet.axes(left, bottom + MAP_SIZE - FLOAT_HEIGHT, MAP_SIZE, FLOAT_HEIGHT)
        top.set_facecolor(UNTRAINED_COLOUR)
        top.pcolormesh(edges(run.learning_rates), [-0.5, 0.5], np.ma.masked_invalid([run.baseline]),
                       cmap=colours_of(name), vmin=low, vmax=high)
        top.xaxis.set_ticks([])
        top.yaxis.set_ticks([0], ["binary64"], fontsize=7)
    top.set_title(title_of(name))
    return shown + draw_untrained(axes, run)


def draw_labels(sheet, left, bottom, run):
    """The map of the labels, of the most frequent over seeds; returns what the legend shows."""
    axes = sheet.axes(left, bottom, MAP_SIZE, MAP_SIZE)
    axes.set_facecolor(NONE_COLOUR)
    seen = dict.fromkeys(label for row in run.labels for counts in row for label in counts)
    names = [*filter(seen.__contains__, LABEL_COLOURS), *(label for label in seen if label not in LABEL_COLOURS)]
    colours = {name: LABEL_COLOURS.get(name, OTHER_COLOUR) for name in names}
    image = np.array([[to_rgb(colours[next(iter(counts))] if counts else NONE_COLOUR) for counts in row]
                      for row in run.labels])
    axes.imshow(image.transpose(1, 0, 2), origin="lower", aspect="auto", interpolation="nearest",
                extent=(-0.5, len(run.learning_rates) - 0.5, -0.5, len(run.columns) - 0.5))
    axes.set_title("how training went" if run.seeds is None else "how training went in most seeds")
    label_grid(axes, run)
    return [*(Patch(facecolor=colour, edgecolor="grey", label=plain(name)) for name, colour in colours.items()),
            *draw_untrained(axes, run)]


class Sheet:
    """A figure whose axes are placed in inches from its bottom left."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.figure = plt.figure(figsize=(width, height))

    def axes(self, left, bottom, width, height, **options):
        place = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(place, **options)

    def title(self, text, middle, top):
        self.figure.text(middle / self.width, (top - TITLE_HEIGHT / 2) / self.height, plain(text), ha="center",
                         va="center", fontsize=14 if len(text) <= LONG_TITLE else 10, fontweight="bold")

    def legend(self, shown, middle, bottom, abreast=None):
        """Each label once, all beside each other or so many, which are small."""
        by_label = {artist.get_label(): artist for artist in shown}
        if by_label:
            self.figure.legend(by_label.values(), by_label.keys(), loc="center", ncol=abreast or len(by_label),
                               frameon=False, fontsize=8 if abreast else None,
                               bbox_to_anchor=(middle / self.width, (bottom + LEGEND_HEIGHT / 2) / self.height))


def draw_heat_maps(sheet, results, run, left, bottom, columns):
    """The heat maps of a table in so many columns, with their legend below."""
    shown = []
    rows = PANELS // columns
    for i, name in enumerate(run.maps):
        x = left + PANEL_WIDTH * (i % columns) + MAP_LEFT
        y = bottom + LEGEND_HEIGHT + PANEL_HEIGHT * (rows - 1 - i // columns) + MAP_BOTTOM
        shown += draw_heat_map(sheet, x, y, results, run, name)
    sheet.legend(shown, left + PANEL_WIDTH * columns / 2, bottom)


def draw_surface(sheet, run, left, bottom):
    """The metric over learning rate and precision; a line or a point where the grid has one row or column, points where not
    all of it is trained.
    """
    axes = sheet.axes(left, bottom, SURFACE_WIDTH, SURFACE_HEIGHT, projection="3d")
    x, y = np.meshgrid(np.arange(len(run.learning_rates)), np.arange(len(run.columns)), indexing="ij")
    if run.untrained.any():
        trained = ~run.untrained
        axes.plot(x[trained], y[trained], run.values[trained], "o", color="#31688e")
        axes.set_xlim(-0.5, len(run.learning_rates) - 0.5)
        axes.set_ylim(-0.5, len(run.columns) - 0.5)
    elif min(run.values.shape) > 1:
        axes.plot_surface(x, y, run.values, cmap="viridis", vmin=0.0, vmax=1.0, rstride=1, cstride=1,
                          edgecolor="white", linewidth=0.25)
    else:
        axes.plot(x.ravel(), y.ravel(), run.values.ravel(), "o-", color="#31688e")
    label_grid(axes, run)
    axes.xaxis.labelpad = axes.yaxis.labelpad = 6
    axes.tick_params(labelsize=8, pad=0)
    axes.set_zlim(0.0, 1.0)
    axes.set_zlabel(title_of(run.metric))
    axes.view_init(elev=32, azim=-128)
    axes.set_box_aspect((1, 1, 0.75), zoom=0.9)


def draw_lines(axes, run):
    """The metric over the precision, or the learning rate where there is none, with a line a learning rate; a band is the
    interval of the mean over seeds, a dashed line binary64.
    """
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel(title_of(run.metric))
    axes.grid(color="#e5e5e5")
    if not run.axis:
        x = np.arange(len(run.learning_rates))
        lines = [("", "#31688e", x, run.values[:, 0], slice(None))]
        label_axis(axes.xaxis, run.learning_rates, rate_text, MOST_LEARNING_RATES)
        axes.set_xlabel("learning rate")
    else:
        x = np.arange(len(run.columns))
        shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(run.learning_rates)))
        lines = [(rate_text(lr), shade, x, row, i)
                 for i, (lr, shade, row) in enumerate(zip(run.learning_rates, shades, run.values))]
        label_axis(axes.xaxis, run.columns, str, MOST_COLUMNS)
        axes.set_xlabel(title_of(run.axis))
    axes.set_xlim(-0.2, len(x) - 0.8)
    opacity = min(0.15, 0.9 / len(lines))  # many bands must not hide the lines
    for label, colour, x, line, i in lines:
        axes.plot(x, line, "o-", markersize=3, linewidth=1.4, color=colour, label=label)
        if run.low is not None:
            axes.fill_between(x, run.low[i].ravel(), run.high[i].ravel(), color=colour, alpha=opacity, linewidth=0)
        if run.baseline is not None:
            axes.plot(x, np.broadcast_to(run.baseline[i], x.shape), "--", linewidth=0.9, color=colour)


def grid_of_tables(results, width, height, most_abreast=MOST_ABREAST):
    """An empty sheet for all tables, so many beside each other, and (table, left, bottom) of each."""
    abreast = min(len(results), most_abreast)
    rows = math.ceil(len(results) / abreast)
    sheet = Sheet(width * abreast, height * rows)
    return sheet, [(run, width * (i % abreast), height * (rows - 1 - i // abreast)) for i, run in enumerate(results)]


def surface(results):
    """The metric of each table, side by side."""
    sheet, tables = grid_of_tables(results, SURFACE_WIDTH, SURFACE_HEIGHT)
    for run, left, bottom in tables:
        draw_surface(sheet, run, left, bottom)
        sheet.title(run.title, left + SURFACE_WIDTH / 2, bottom + SURFACE_HEIGHT)
    return sheet.figure


def heat_maps(results):
    """Four heat maps for each table: two by two, or a row for each of several."""
    columns = 2 if len(results) == 1 else 4
    block = PANEL_HEIGHT * PANELS / columns + LEGEND_HEIGHT + TITLE_HEIGHT
    sheet = Sheet(PANEL_WIDTH * columns, block * len(results))
    for i, run in enumerate(results):
        top = sheet.height - block * i
        draw_heat_maps(sheet, results, run, 0, top - block, columns)
        sheet.title(run.title, sheet.width / 2, top)
    return sheet.figure


def overview(results):
    """For each table the surface, and beside it the four heat maps."""
    block = PANEL_HEIGHT * 2 + LEGEND_HEIGHT + TITLE_HEIGHT
    sheet = Sheet(SURFACE_WIDTH + PANEL_WIDTH * 2, block * len(results))
    for i, run in enumerate(results):
        bottom = sheet.height - block * (i + 1)
        draw_surface(sheet, run, 0, bottom + (block - SURFACE_HEIGHT) / 2)
        draw_heat_maps(sheet, results, run, SURFACE_WIDTH, bottom, 2)
        sheet.title(run.title, sheet.width / 2, bottom + block)
    return sheet.figure


def slices(results):
    """Small multiples: each table's metric, and beside it its labels; None where heat_maps shows as much."""
    has_labels = any(run.labels for run in results)
    if len(results) == 1 and not has_labels:
        return None
    width, height = PANEL_WIDTH * (2 if has_labels else 1), PANEL_HEIGHT + TITLE_HEIGHT + LEGEND_HEIGHT
    sheet, tables = grid_of_tables(results, width, height, MOST_ABREAST // 2 if has_labels else MOST_ABREAST)
    for run, left, bottom in tables:
        y = bottom + LEGEND_HEIGHT + MAP_BOTTOM
        shown = draw_heat_map(sheet, left + MAP_LEFT, y, results, run, run.metric)
        sheet.legend(shown, left + PANEL_WIDTH / 2, bottom, 2)
        if run.labels:
            shown = draw_labels(sheet, left + PANEL_WIDTH + MAP_LEFT, y, run)
            sheet.legend(shown, left + PANEL_WIDTH * 1.5, bottom, 4)
        sheet.title(run.title, left + width / 2, bottom + height)
    return sheet.figure


def lines(results):
    """The metric of each table as lines."""
    sheet, tables = grid_of_tables(results, LINES_WIDTH, LINES_HEIGHT + TITLE_HEIGHT)
    for run, left, bottom in tables:
        axes = sheet.axes(left + 0.75, bottom + 0.6, LINES_WIDTH - 2.1, LINES_HEIGHT - 0.75)
        draw_lines(axes, run)
        handles, labels = axes.get_legend_handles_labels() if run.axis else ([], [])
        if run.baseline is not None:
            handles.append(Line2D([], [], color="grey", linestyle="--", linewidth=0.9))
            labels.append("binary64")
        if run.low is not None:
            handles.append(Patch(facecolor="grey", alpha=0.3))
            labels.append("95 % interval")
        if handles:
            axes.legend(handles, labels, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)
        sheet.title(run.title, left + LINES_WIDTH / 2, bottom + LINES_HEIGHT + TITLE_HEIGHT)
    return sheet.figure


def front(results):
    """The Pareto fronts of the runs: what networks of so many bits reach; None where there is none."""
    sources = [source for source in dict.fromkeys(run.source for run in results) if source.front]
    if not sources:
        return None
    sheet = Sheet(FRONT_WIDTH * len(sources), FRONT_HEIGHT + TITLE_HEIGHT)
    for i, source in enumerate(sources):
        axes = sheet.axes(FRONT_WIDTH * i + 0.75, 0.6, FRONT_WIDTH - 1.0, FRONT_HEIGHT - 0.75)
        x, y = [kilobits(point) for point in source.front], [point["value"] for point in source.front]
        ends = [[max(0, point["value"] - low_of(point)) for point in source.front],
                [max(0, high_of(point) - point["value"]) for point in source.front]]
        axes.errorbar(x, y, ends, fmt="o-", color="#31688e", markersize=5, linewidth=1.2, elinewidth=0.9, capsize=2)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("kilobits of all weights, and inputs and activations of one sample")
        axes.set_ylabel(title_of(next(run.metric for run in results if run.source is source)))
        axes.grid(color="#e5e5e5")
        sheet.title(f"{source.name}: the most that so many bits reach", FRONT_WIDTH * (i + 0.5), FRONT_HEIGHT + TITLE_HEIGHT)
    return sheet.figure


def kilobits(point):
    """What a network of the front takes, in thousands of bits."""
    return (point["weight_bits"] + point["activation_bits"]) / 1000


def low_of(point):
    """Where the interval of a point of the front begins: at its value, where it has none."""
    low = point.get("low")
    return point["value"] if low is None else low


def high_of(point):
    high = point.get("high")
    return point["value"] if high is None else high


def save(figure, path):
    """PNG or SVG by the path's ending."""
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=110, metadata=metadata)


def png(figure):
    """The bytes of a figure that is then closed, for a notebook."""
    with io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=80)
        close(figure)
        return file.getvalue()


def close(figure):
    plt.close(figure)
