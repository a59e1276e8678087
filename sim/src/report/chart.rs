//! What all pictures share: size, colors, the embedded font, the question as title.

use std::path::Path;
use std::sync::Once;

use anyhow::{Context as _, anyhow};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use crate::report::summary::Summary;

/// Width of every picture in pixels: what a page of text has.
const WIDTH: u32 = 900;

/// The family that the embedded font is registered under.
const FONT: &str = "sans-serif";

const MARGIN: i32 = 20;
const TITLE_SIZE: i32 = 20;
const CAPTION_SIZE: i32 = 14;

/// Size of axis labels and legends.
const LABEL_SIZE: i32 = 15;

/// Text that is not the point.
pub const GREY: RGBColor = RGBColor(95, 95, 95);
/// Lines of the grid.
const GRID: RGBColor = RGBColor(225, 225, 225);
/// Lines that lie below other things.
pub const LINK: RGBColor = RGBColor(160, 160, 160);
/// First and second hue, told apart by eyes that see red and green alike (Okabe and Ito).
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
/// The second hue.
pub const ORANGE: RGBColor = RGBColor(213, 94, 0);
/// The third.
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
/// The fourth.
pub const PURPLE: RGBColor = RGBColor(204, 121, 167);
/// The fifth.
pub const SKY: RGBColor = RGBColor(86, 180, 233);
/// The sixth.
pub const AMBER: RGBColor = RGBColor(230, 159, 0);

/// Colors of things that are compared, in order; pictures show no more of them.
pub const COLORS: [RGBColor; 8] = [BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, GREY, BLACK];

/// Pixels of a line of the first of two things that are compared: it is seen below the second's.
pub const WIDE: u32 = 6;

/// Decades of an axis of delays, in milliseconds: from the shortest delay that a tick allows to the
/// longest run. The marks of plotters leave out 0.1 ms.
pub const DECADES: [f64; 11] = [0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

/// A picture being drawn.
pub type Canvas<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// Draws a picture: question and caption on top, the rest by `draw`.
pub fn picture(
    path: &Path,
    height: u32,
    summary: &Summary,
    draw: impl FnOnce(&Canvas<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    titled(path, height, (&summary.question, &summary.setting.caption(summary.runs)), draw)
}

/// Draws a picture with this title and caption on top, the rest by `draw`.
pub fn titled(
    path: &Path,
    height: u32,
    title: (&str, &str),
    draw: impl FnOnce(&Canvas<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    load_font()?;
    let whole = BitMapBackend::new(path, (WIDTH, height)).into_drawing_area();
    let draw_all = || -> anyhow::Result<()> {
        whole.fill(&WHITE).map_err(drawing)?;
        let used = titles(&whole, title)?;
        let (_, rest) = whole.split_vertically(used);
        draw(&rest)?;
        whole.present().map_err(drawing)
    };
    draw_all().with_context(|| format!("draw {}", path.display()))
}

/// plotters' errors cannot be passed on as they are: they are generic over the backend's.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub fn drawing<E: std::error::Error + Send + Sync>(
    error: DrawingAreaErrorKind<E>,
) -> anyhow::Error {
    anyhow!("{error}")
}

/// Registers the embedded font once. Without it every text call fails, on any machine.
fn load_font() -> anyhow::Result<()> {
    static LOADED: Once = Once::new();
    let mut loaded = Ok(());
    LOADED.call_once(|| {
        for style in [FontStyle::Normal, FontStyle::Bold] {
            loaded = register_font(FONT, style, epaint_default_fonts::UBUNTU_LIGHT)
                .map_err(|_invalid| anyhow!("the embedded font is not a font"));
        }
    });
    loaded
}

/// Writes the question, wrapped, and the caption. Returns the height they take.
fn titles(canvas: &Canvas<'_>, (question, setting): (&str, &str)) -> anyhow::Result<i32> {
    let title = TextStyle::from((FONT, TITLE_SIZE)).color(&BLACK);
    let caption = TextStyle::from((FONT, CAPTION_SIZE)).color(&GREY);
    let mut top = MARGIN / 2;
    for line in wrap(canvas, question, &title)? {
        canvas.draw_text(&line, &title, (MARGIN, top)).map_err(drawing)?;
        top += TITLE_SIZE + 4;
    }
    for line in wrap(canvas, setting, &caption)? {
        canvas.draw_text(&line, &caption, (MARGIN, top)).map_err(drawing)?;
        top += CAPTION_SIZE + 4;
    }
    Ok(top)
}

/// Breaks a text into lines that fit the canvas.
fn wrap(canvas: &Canvas<'_>, text: &str, style: &TextStyle<'_>) -> anyhow::Result<Vec<String>> {
    let (width, _) = canvas.dim_in_pixel();
    let room = width.saturating_sub(MARGIN.unsigned_abs() * 2);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let longer = match lines.last() {
            Some(line) => format!("{line} {word}"),
            None => word.to_owned(),
        };
        let (needed, _) = canvas.estimate_text_size(&longer, style).map_err(drawing)?;
        match lines.last_mut() {
            Some(line) if needed <= room => *line = longer,
            _ => lines.push(word.to_owned()),
        }
    }
    Ok(lines)
}

/// The style of axis labels and legends.
pub fn label_style() -> TextStyle<'static> {
    TextStyle::from((FONT, LABEL_SIZE)).color(&BLACK)
}

/// The style of what stands inside of things.
pub fn small_style() -> TextStyle<'static> {
    TextStyle::from((FONT, CAPTION_SIZE - 2)).color(&BLACK)
}

/// A plot; most have a percentage upwards.
pub type Plot<'a, X, Y = RangedCoordf64> = ChartContext<'a, BitMapBackend<'a>, Cartesian2d<X, Y>>;

/// Makes a plot of the whole canvas, `x` to the right and `y` upwards.
pub fn plot<'a, X: AsRangedCoord, Y: AsRangedCoord>(
    canvas: &Canvas<'a>,
    x: X,
    y: Y,
) -> anyhow::Result<Plot<'a, X::CoordDescType, Y::CoordDescType>> {
    ChartBuilder::on(canvas)
        .margin(12)
        .margin_right(28)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(x, y)
        .map_err(drawing)
}

/// Draws the axes of a plot: what they show, and how places to the right are written.
pub fn axes<X, Y>(
    plot: &mut Plot<'_, X, Y>,
    (right, up): (&str, &str),
    x_labels: usize,
    x_label: &dyn Fn(&X::ValueType) -> String,
) -> anyhow::Result<()>
where
    X: Ranged + ValueFormatter<<X as Ranged>::ValueType>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    plot.configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .x_desc(right)
        .y_desc(up)
        .x_labels(x_labels)
        .x_label_formatter(x_label)
        .y_label_formatter(&|value| upward_label(*value))
        .label_style(label_style())
        .axis_desc_style(label_style())
        .draw()
        .map_err(drawing)
}

/// With as many decimals as it needs: sums of steps are a little off.
fn upward_label(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// How a thing is drawn in a plot.
#[derive(Clone, Copy, Debug)]
pub enum Pen {
    /// A line.
    Line(RGBColor),
    /// A dashed line.
    Dashes(RGBColor),
    /// A filled area.
    Band(RGBColor),
    /// A dot.
    Dot(RGBColor),
}

impl Pen {
    /// The style of the line or area.
    pub fn style(self) -> ShapeStyle {
        match self {
            Self::Line(color) | Self::Dashes(color) => color.stroke_width(2),
            Self::Band(color) => color.mix(0.25).filled(),
            Self::Dot(color) => color.filled(),
        }
    }
}

/// Lengths of dashes and of the gaps between them, in pixels.
pub const DASH: (i32, i32) = (6, 4);

/// Pixels of a pen's sample in a legend.
const SAMPLE: i32 = 28;

/// Pixels from one line of a legend to the next.
pub const LEGEND_LINE: u32 = LABEL_SIZE.unsigned_abs() + 5;

/// Writes a legend above a plot, where it hides nothing, and returns the canvas that is left.
pub fn legend<'a>(canvas: &Canvas<'a>, entries: &[(Pen, String)]) -> anyhow::Result<Canvas<'a>> {
    let label = label_style();
    let mut top = 8;
    for (pen, text) in entries {
        let middle = top + LABEL_SIZE / 2;
        let line = [(MARGIN, middle), (MARGIN + SAMPLE, middle)];
        match pen {
            Pen::Line(_) => canvas.draw(&PathElement::new(line, pen.style())),
            Pen::Dashes(_) => {
                let (dash, gap) = DASH;
                canvas.draw(&DashedPathElement::new(line, dash, gap, pen.style()))
            }
            Pen::Dot(_) => {
                let place = (MARGIN + SAMPLE / 2, middle);
                canvas.draw(&Circle::new(place, LABEL_SIZE / 2, pen.style()))
            }
            Pen::Band(_) => {
                let corners = [(MARGIN, middle - 6), (MARGIN + SAMPLE, middle + 6)];
                canvas.draw(&Rectangle::new(corners, pen.style()))
            }
        }
        .map_err(drawing)?;
        canvas.draw_text(text, &label, (MARGIN + SAMPLE + 10, top)).map_err(drawing)?;
        top += LEGEND_LINE.cast_signed();
    }
    let (_, rest) = canvas.split_vertically(top);
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_the_decimals_that_they_need() {
        let labels = [0.0, 0.1 + 0.2, 1.5, 60.0, 0.0001].map(upward_label);
        assert_eq!(labels, ["0", "0.3", "1.5", "60", "0.0001"]);
    }
}
