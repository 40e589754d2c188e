"""The study's figures, with matplotlib: the accuracy as a surface, and four heat maps."""
import io

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
from matplotlib.colors import ListedColormap  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402

NONE_COLOUR, UNTRAINED_COLOUR = "#d9d9d9", "white"
OUTLINE = [effects.withStroke(linewidth=3.5, foreground="black")]
MOST_LEARNING_RATES, MOST_COLUMNS = 8, 16  # that an axis has labels for

# Sizes in inches. A panel is a heat map with the room around it for its labels and its colour bar.
PANEL_WIDTH, PANEL_HEIGHT = 4.9, 4.4
MAP_LEFT, MAP_BOTTOM, MAP_SIZE = 0.65, 0.6, 3.4
BAR_GAP, BAR_WIDTH = 0.09, 0.13
SURFACE_WIDTH, SURFACE_HEIGHT = 7.0, 6.3
TITLE_HEIGHT, LEGEND_HEIGHT = 0.45, 0.45
HEAT_MAPS = {  # name: (title, colour map, fixed range or None); all readable by the colour-blind
    "accuracy": ("accuracy", "viridis", (0.0, 1.0)),
    "update": (r"update: $\log_2(\mathrm{mean}\,|u|\,/\,2^{\mathrm{fraction}})$", "cividis", None),
    "error": (r"quantization error: $\log_2(\mathrm{mean\ error}\cdot 2^{\mathrm{lr}-\mathrm{fraction}})$",
              "cividis", None),
    "test_accuracy": ("accuracy on the held-out samples", "viridis", (0.0, 1.0)),
    "fraction": ("fraction bits", "cividis", None),
    "bits": ("bits of a word", "cividis", None),
}
LONG_TITLE = 55  # characters that fit above a surface
PANELS = 4  # the most heat maps of a run


def places(values, axis):
    """Where values lie on an axis whose entries are drawn one apart; NaN off its ends."""
    return np.interp(values, axis, np.arange(len(axis)), left=np.nan, right=np.nan)


def label_axis(axis, values, form, most):
    """Ticks at the entries of a grid's axis, thinned to at most so many."""
    every = -(-len(values) // most)
    axis.set_ticks(range(0, len(values), every), [form(value) for value in values[::every]])


def label_grid(axes, run):
    label_axis(axes.xaxis, run.learning_rates, lambda lr: f"$2^{{{-lr}}}$", MOST_LEARNING_RATES)
    axes.set_xlabel("learning rate")
    if run.axis:
        label_axis(axes.yaxis, run.columns, str, MOST_COLUMNS)
        axes.set_ylabel(HEAT_MAPS[run.axis][0])
    else:
        axes.yaxis.set_ticks([])


def colour_range(results, name):
    """One range for all runs that have such a map, so that their colours compare."""
    fixed = HEAT_MAPS[name][2]
    if fixed:
        return fixed
    maps = [run.maps[name] for run in results if name in run.maps]
    known = np.concatenate([values[np.isfinite(values)] for values in maps])
    if not known.size:
        return 0.0, 1.0
    return known.min(), max(known.max(), known.min() + 1e-9)


def draw_cliffs(axes, run):
    """Knees, the fitted diagonal cliff and the left cliff; returns what the legend shows."""
    shown = []
    if run.left_cliff:
        x = places(run.left_cliff, run.learning_rates).mean()
        axes.axvline(x, color="white", linewidth=1.5, linestyle=":", path_effects=OUTLINE)
        shown.append(Line2D([], [], color="white", linewidth=1.5, linestyle=":", path_effects=OUTLINE,
                            label="left cliff"))
    if run.cliff_line:
        lr, column = zip(*run.cliff_line)
        cliff = run.answers["diagonal_cliff"]
        sign = "-" if cliff["slope"] < 0 else "+"
        label = f"knee = {cliff['intercept']:.2f} {sign} {abs(cliff['slope']):.2f} lr"
        shown += axes.plot(places(lr, run.learning_rates), places(column, run.columns), color="white",
                           linewidth=1.8, path_effects=OUTLINE, label=label)
    for cut_off, label in ((False, "knee"), (True, "knee cut off by the grid")):
        knees = [(lr, knee) for lr, knee, cut in run.knees if cut == cut_off]
        if knees:
            lr, column = zip(*knees)
            shown += axes.plot(places(lr, run.learning_rates), places(column, run.columns), "o", markersize=6,
                               color="none" if cut_off else "white", markeredgecolor="white" if cut_off else "black",
                               markeredgewidth=1.6 if cut_off else 1.0, label=label,
                               path_effects=OUTLINE if cut_off else None)
    return shown


def draw_heat_map(axes, bar_axes, results, run, name):
    """One heat map with its colour bar; returns what the legend shows."""
    title, colours, _ = HEAT_MAPS[name]
    low, high = colour_range(results, name)
    values = np.ma.masked_invalid(run.maps[name].T)
    axes.set_facecolor(NONE_COLOUR)
    image = axes.pcolormesh(np.arange(-0.5, len(run.learning_rates)), np.arange(-0.5, len(run.columns)), values,
                            cmap=colours, vmin=low, vmax=high)
    axes.figure.colorbar(image, cax=bar_axes).outline.set_visible(False)
    axes.set_title(title)
    label_grid(axes, run)
    shown = draw_cliffs(axes, run)
    untrained = run.untrained.T
    if (np.ma.getmaskarray(values) & ~untrained).any():
        shown.append(Patch(facecolor=NONE_COLOUR, edgecolor="grey", label="none: zero"))
    if untrained.any():
        axes.pcolormesh(np.arange(-0.5, len(run.learning_rates)), np.arange(-0.5, len(run.columns)),
                        np.ma.masked_equal(untrained, False), cmap=ListedColormap([UNTRAINED_COLOUR]))
        shown.append(Patch(facecolor=UNTRAINED_COLOUR, edgecolor="grey", label="not trained"))
    return shown


class Sheet:
    """A figure whose axes are placed in inches from its bottom left."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.figure = plt.figure(figsize=(width, height))

    def axes(self, left, bottom, width, height, **options):
        place = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(place, **options)

    def title(self, text, middle, top):
        text = text.replace("$", r"\$")  # else what is between two would be read as a formula
        self.figure.text(middle / self.width, (top - TITLE_HEIGHT / 2) / self.height, text, ha="center", va="center",
                         fontsize=14 if len(text) <= LONG_TITLE else 10, fontweight="bold")

    def legend(self, shown, middle, bottom):
        """Each label once."""
        by_label = {artist.get_label(): artist for artist in shown}
        if by_label:
            self.figure.legend(by_label.values(), by_label.keys(), loc="center", ncol=len(by_label), frameon=False,
                               bbox_to_anchor=(middle / self.width, (bottom + LEGEND_HEIGHT / 2) / self.height))


def draw_heat_maps(sheet, results, run, left, bottom, columns):
    """The heat maps of a run in so many columns, with their legend below."""
    shown = []
    rows = PANELS // columns
    for i, name in enumerate(run.maps):
        x = left + PANEL_WIDTH * (i % columns) + MAP_LEFT
        y = bottom + LEGEND_HEIGHT + PANEL_HEIGHT * (rows - 1 - i // columns) + MAP_BOTTOM
        axes = sheet.axes(x, y, MAP_SIZE, MAP_SIZE)
        bar_axes = sheet.axes(x + MAP_SIZE + BAR_GAP, y, BAR_WIDTH, MAP_SIZE)
        shown += draw_heat_map(axes, bar_axes, results, run, name)
    sheet.legend(shown, left + PANEL_WIDTH * columns / 2, bottom)


def draw_surface(sheet, run, left, bottom):
    """Accuracy over learning rate and precision; a line or a point where the grid has one row or column, points where not
    all of it is trained.
    """
    axes = sheet.axes(left, bottom, SURFACE_WIDTH, SURFACE_HEIGHT, projection="3d")
    x, y = np.meshgrid(np.arange(len(run.learning_rates)), np.arange(len(run.columns)), indexing="ij")
    if run.untrained.any():
        trained = ~run.untrained
        axes.plot(x[trained], y[trained], run.accuracy[trained], "o", color="#31688e")
        axes.set_xlim(-0.5, len(run.learning_rates) - 0.5)
        axes.set_ylim(-0.5, len(run.columns) - 0.5)
    elif min(run.accuracy.shape) > 1:
        axes.plot_surface(x, y, run.accuracy, cmap="viridis", vmin=0.0, vmax=1.0, rstride=1, cstride=1,
                          edgecolor="white", linewidth=0.25)
    else:
        axes.plot(x.ravel(), y.ravel(), run.accuracy.ravel(), "o-", color="#31688e")
    label_grid(axes, run)
    axes.xaxis.labelpad = axes.yaxis.labelpad = 6
    axes.tick_params(labelsize=8, pad=0)
    axes.set_zlim(0.0, 1.0)
    axes.set_zlabel("accuracy")
    axes.view_init(elev=32, azim=-128)
    axes.set_box_aspect((1, 1, 0.75), zoom=0.98)


def surface(results):
    """The accuracy of each run, side by side."""
    sheet = Sheet(SURFACE_WIDTH * len(results), SURFACE_HEIGHT)
    for i, run in enumerate(results):
        draw_surface(sheet, run, SURFACE_WIDTH * i, 0)
        sheet.title(run.title, SURFACE_WIDTH * (i + 0.5), sheet.height)
    return sheet.figure


def heat_maps(results):
    """Four heat maps for each run: two by two, or a row for each of several runs."""
    columns = 2 if len(results) == 1 else 4
    block = PANEL_HEIGHT * PANELS / columns + LEGEND_HEIGHT + TITLE_HEIGHT
    sheet = Sheet(PANEL_WIDTH * columns, block * len(results))
    for i, run in enumerate(results):
        top = sheet.height - block * i
        draw_heat_maps(sheet, results, run, 0, top - block, columns)
        sheet.title(run.title, sheet.width / 2, top)
    return sheet.figure


def overview(results):
    """For each run the surface, and beside it the four heat maps."""
    block = PANEL_HEIGHT * 2 + LEGEND_HEIGHT + TITLE_HEIGHT
    sheet = Sheet(SURFACE_WIDTH + PANEL_WIDTH * 2, block * len(results))
    for i, run in enumerate(results):
        bottom = sheet.height - block * (i + 1)
        draw_surface(sheet, run, 0, bottom + (block - SURFACE_HEIGHT) / 2)
        draw_heat_maps(sheet, results, run, SURFACE_WIDTH, bottom, 2)
        sheet.title(run.title, sheet.width / 2, bottom + block)
    return sheet.figure


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
